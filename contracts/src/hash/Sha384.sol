// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// A SHA-384 digest: its first 32 bytes and its last 16.
struct Digest384 {
    bytes32 first;
    bytes16 last;
}

/// The address given is no Sha384Engine, or it was given too little gas.
error Sha384EngineFailed();

/**
 * SHA-384 through a Sha384Engine. Whoever names the engine trusts its code: contracts that verify evidence take the
 * address once, in their constructor, and compare its code hash there.
 */
library Sha384 {
    /// Of `length` bytes of memory from `pointer` on, which are passed as they lie there.
    function digest(address engine, uint256 pointer, uint256 length) internal view returns (Digest384 memory result) {
        (uint256 first, uint256 last) = words(engine, pointer, length);
        result.first = bytes32(first);
        result.last = bytes16(bytes32(last));
    }

    function digest(address engine, bytes memory data) internal view returns (Digest384 memory) {
        uint256 pointer;
        assembly ("memory-safe") {
            pointer := add(data, 0x20)
        }
        return digest(engine, pointer, data.length);
    }

    /// Copies to memory that it gives back.
    function digestCalldata(address engine, bytes calldata data) internal view returns (Digest384 memory result) {
        (uint256 first, uint256 last) = wordsOfCalldata(engine, data);
        result.first = bytes32(first);
        result.last = bytes16(bytes32(last));
    }

    function equal(Digest384 memory left, Digest384 memory right) internal pure returns (bool) {
        return left.first == right.first && left.last == right.last;
    }

    /// Without a structure in memory: bytes 0 to 31, and bytes 32 to 47 followed by zeros.
    function words(address engine, uint256 pointer, uint256 length)
        internal
        view
        returns (uint256 first, uint256 last)
    {
        bool answered;
        assembly ("memory-safe") {
            // The scratch space below 0x40 takes the answer. An address without code succeeds and returns nothing.
            answered := and(eq(returndatasize(), 0x40), staticcall(gas(), engine, pointer, length, 0x00, 0x40))
            first := mload(0x00)
            last := mload(0x20)
        }
        if (!answered) revert Sha384EngineFailed();
    }

    /// The same of calldata. Nothing is allocated between the copy and the call, which would overwrite it.
    function wordsOfCalldata(address engine, bytes calldata data) internal view returns (uint256 first, uint256 last) {
        uint256 pointer;
        assembly ("memory-safe") {
            pointer := mload(0x40)
            calldatacopy(pointer, data.offset, data.length)
        }
        return words(engine, pointer, data.length);
    }
}
