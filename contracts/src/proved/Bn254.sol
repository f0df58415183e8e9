// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/**
 * The curve of the precompiles 0x06 to 0x08 (EIP-196, EIP-197). They refuse coordinates out of range, points off the curve
 * and points of the second group outside its subgroup, by failing; scalars they reduce, so those are for callers to judge.
 * Infinity is written in zeros.
 */
library Bn254 {
    /// Of both groups, and so the field in which circuits count.
    uint256 internal constant ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    /// Of the field of coordinates.
    uint256 internal constant BASE = 21888242871839275222246405745257275088696311157297823662689037894645226208583;

    /// A point of the first group and not infinity: on y^2 = x^3 + 3, whose order is prime.
    function isFirst(uint256 x, uint256 y) internal pure returns (bool) {
        if (x >= BASE || y >= BASE) return false;
        return mulmod(y, y, BASE) == addmod(mulmod(mulmod(x, x, BASE), x, BASE), 3, BASE);
    }

    /// A point of the second group and not infinity. Each coordinate is two words, the imaginary part first.
    function isSecond(uint256 x1, uint256 x0, uint256 y1, uint256 y0) internal view returns (bool valid) {
        if (x1 | x0 | y1 | y0 == 0) return false;
        // The pairing with infinity is one, for points alone.
        bytes memory input = abi.encode(0, 0, x1, x0, y1, y0);
        assembly ("memory-safe") {
            mstore(0x00, 0)
            valid := staticcall(gas(), 0x08, add(input, 0x20), mload(input), 0x00, 0x20)
            valid := and(valid, eq(mload(0x00), 1))
        }
    }
}
