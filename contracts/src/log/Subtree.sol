// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/**
 * RFC 6962's trees over SHA-256 (DESIGN section 4), told from their shape: the node (level, index) covers the leaves from
 * index * 2^level up to, but not including, (index + 1) * 2^level, and is complete where a tree holds all of them. The
 * path from a complete node to the root has one shape for each size, so that a root has room for one hash at each such
 * node, and a leaf's inclusion proof is the path from level 0.
 */
library Subtree {
    /// No log is longer, here or in any other language that reads one (`limits.treeSize` in TypeScript): 2^48.
    uint256 internal constant MOST_LEAVES = 1 << 48;

    /**
     * Whether a tree of `size` leaves with that root has `hash` at the complete node (level, index). `path` holds its
     * neighbours, lowest first; one too many or too few is no proof. Sizes and roots must come from signed heads.
     */
    function isIn(uint256 level, uint256 index, bytes32 hash, bytes32[] calldata path, uint256 size, bytes32 root)
        internal
        pure
        returns (bool)
    {
        if (!isComplete(level, index, size)) return false;
        uint256 last = (size - 1) >> level;
        uint256 used = 0;
        while (last > 0) {
            bool right = index & 1 == 1;
            // The last node of a row has no neighbour where the tree's right edge leaves none: it moves up as it is.
            if (right || index < last) {
                if (used == path.length) return false;
                bytes32 neighbour = path[used++];
                hash = right ? node(neighbour, hash) : node(hash, neighbour);
            }
            index >>= 1;
            last >>= 1;
        }
        return used == path.length && hash == root;
    }

    function isComplete(uint256 level, uint256 index, uint256 size) internal pure returns (bool) {
        // The bounds keep the shift below from losing bits.
        return size <= MOST_LEAVES && level <= 48 && index < MOST_LEAVES && ((index + 1) << level) <= size;
    }

    /// The prefix keeps nodes apart from leaves, requests and responses.
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }
}
