// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// Words that never change, as the code of a contract: one address to meet, where storage would cost for each word.
library CodeData {
    error CodeDataNotWritten();

    /// A contract whose code is a zero byte, so that a call stops at once, and the data.
    function write(bytes memory data) internal returns (address at) {
        // PUSH2 length, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN: gives what follows.
        bytes memory code = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a3d393df3", hex"00", data);
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
        }
        if (at == address(0)) revert CodeDataNotWritten();
    }

    /// @param from behind the zero byte
    function read(address at, uint256 from, uint256 length) internal view returns (bytes memory data) {
        data = new bytes(length);
        assembly ("memory-safe") {
            extcodecopy(at, add(data, 0x20), add(from, 1), length)
        }
    }
}
