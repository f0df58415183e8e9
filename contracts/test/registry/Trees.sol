// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// RFC 6962 section 2.1 by its own recursive definition over all leaves: the other opinion on Subtree.sol.
library Trees {
    /// MTH(D[from:to]).
    function root(bytes32[] memory leaves, uint256 from, uint256 to) internal pure returns (bytes32) {
        if (to == from) return sha256("");
        if (to == from + 1) return leaves[from];
        uint256 half = split(to - from);
        return sha256(abi.encodePacked(hex"01", root(leaves, from, from + half), root(leaves, from + half, to)));
    }

    /// The largest power of two below n.
    function split(uint256 n) private pure returns (uint256 k) {
        k = 1;
        while (2 * k < n) {
            k *= 2;
        }
    }

    function node(bytes32[] memory leaves, uint256 level, uint256 index) internal pure returns (bytes32) {
        return root(leaves, index << level, (index + 1) << level);
    }

    /// PATH of section 2.1.1, which ends at a subtree instead of a leaf.
    function path(bytes32[] memory leaves, uint256 level, uint256 index)
        internal
        pure
        returns (bytes32[] memory found)
    {
        bytes32[] memory down = new bytes32[](64);
        uint256 depth = 0;
        (uint256 from, uint256 to) = (0, leaves.length);
        (uint256 start, uint256 end) = (index << level, (index + 1) << level);
        while (from != start || to != end) {
            uint256 middle = from + split(to - from);
            if (start < middle) {
                down[depth++] = root(leaves, middle, to);
                to = middle;
            } else {
                down[depth++] = root(leaves, from, middle);
                from = middle;
            }
        }
        found = new bytes32[](depth);
        for (uint256 i = 0; i < depth; i++) {
            found[i] = down[depth - 1 - i];
        }
    }

    /// A complete node of both trees with two hashes: one of those that make up the first `size` leaves.
    function difference(bytes32[] memory one, bytes32[] memory other, uint256 size)
        internal
        pure
        returns (uint256 level, uint256 index)
    {
        uint256 start = 0;
        for (level = 48; start < size;) {
            while (start + (1 << level) > size) {
                level--;
            }
            index = start >> level;
            if (node(one, level, index) != node(other, level, index)) return (level, index);
            start += 1 << level;
        }
        revert("no difference");
    }

    /// Some complete node of a tree of that size.
    function pick(uint256 size, uint256 seed) internal pure returns (uint256 level, uint256 index) {
        uint256 levels = 1;
        while ((1 << levels) <= size) {
            levels++;
        }
        level = seed % levels;
        index = (seed >> 128) % (size >> level);
    }
}
