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
        view
        returns (bool)
    {
        if (!isComplete(level, index, size)) return false;
        (bytes32 top, uint256 used) = climb(hash, path, index, (size - 1) >> level);
        return used == path.length && top == root;
    }

    function isComplete(uint256 level, uint256 index, uint256 size) internal pure returns (bool) {
        // The bounds keep the shift below from losing bits.
        return size <= MOST_LEAVES && level <= 48 && index < size && (index + 1) << level <= size;
    }

    /// RFC 6962 section 2.1.1, unrolled. `last` is the last node of the row, complete or cut off at the right edge.
    /// @return used of the path; more than there is where the path is too short
    function climb(bytes32 hash, bytes32[] calldata path, uint256 index, uint256 last)
        private
        view
        returns (bytes32, uint256 used)
    {
        bool answered = true;
        assembly ("memory-safe") {
            // Behind all allocated memory: 01, which keeps nodes apart from leaves, and two hashes.
            let node := mload(0x40)
            mstore8(node, 1)
            for { } last { } {
                let isRight := and(index, 1)
                // The last node of a row has no neighbour on its right: it moves up as it is.
                if or(isRight, lt(index, last)) {
                    if eq(used, path.length) {
                        used := not(0)
                        break
                    }
                    let side := shl(5, isRight)
                    mstore(add(add(node, 0x01), side), hash)
                    mstore(sub(add(node, 0x21), side), calldataload(add(path.offset, shl(5, used))))
                    answered := and(answered, staticcall(gas(), 0x02, node, 0x41, 0x00, 0x20))
                    hash := mload(0x00)
                    used := add(used, 1)
                }
                index := shr(1, index)
                last := shr(1, last)
            }
        }
        // SHA-256 fails for lack of gas only; a path that is not walked to its end proves nothing.
        if (!answered) used = type(uint256).max;
        return (hash, used);
    }
}
