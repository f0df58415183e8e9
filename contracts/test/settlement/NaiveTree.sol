// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// RFC 6962 section 2.1 as it is printed: the other opinion in tests.
library NaiveTree {
    /// MTH(D[from:to]).
    function root(bytes32[] memory leaves, uint256 from, uint256 to) internal pure returns (bytes32) {
        if (from == to) return sha256("");
        if (to - from == 1) return leaves[from];
        uint256 middle = from + split(to - from);
        return sha256(abi.encodePacked(hex"01", root(leaves, from, middle), root(leaves, middle, to)));
    }

    /// PATH(m, D[n]), lowest first.
    function path(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory) {
        bytes32[] memory found = new bytes32[](64);
        uint256 length = fill(found, leaves, index, 0, leaves.length);
        assembly ("memory-safe") {
            mstore(found, length)
        }
        return found;
    }

    function fill(bytes32[] memory found, bytes32[] memory leaves, uint256 index, uint256 from, uint256 to)
        private
        pure
        returns (uint256 length)
    {
        if (to - from == 1) return 0;
        uint256 middle = from + split(to - from);
        if (index < middle) {
            length = fill(found, leaves, index, from, middle);
            found[length] = root(leaves, middle, to);
        } else {
            length = fill(found, leaves, index, middle, to);
            found[length] = root(leaves, from, middle);
        }
        return length + 1;
    }

    /// The largest power of two below n.
    function split(uint256 n) private pure returns (uint256 k) {
        for (k = 1; 2 * k < n;) {
            k *= 2;
        }
    }
}
