// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Bn254 } from "./Bn254.sol";

/// Of a circuit with three public signals, one word behind the other. `CircuitKeys` has looked at its points.
struct VerificationKey {
    uint256 alphaX;
    uint256 alphaY;
    uint256 betaX1;
    uint256 betaX0;
    uint256 betaY1;
    uint256 betaY0;
    uint256 gammaX1;
    uint256 gammaX0;
    uint256 gammaY1;
    uint256 gammaY0;
    uint256 deltaX1;
    uint256 deltaX0;
    uint256 deltaY1;
    uint256 deltaY0;
    /// The constant's, then one for each signal.
    uint256 ic0X;
    uint256 ic0Y;
    uint256 ic1X;
    uint256 ic1Y;
    uint256 ic2X;
    uint256 ic2Y;
    uint256 ic3X;
    uint256 ic3Y;
}

/// a.x a.y b.x1 b.x0 b.y1 b.y0 c.x c.y
struct Proof {
    uint256 aX;
    uint256 aY;
    uint256 bX1;
    uint256 bX0;
    uint256 bY1;
    uint256 bY0;
    uint256 cX;
    uint256 cY;
}

/**
 * Groth16 (eprint 2016/260) over BN254: e(a, b) = e(alpha, beta) e(sum, gamma) e(c, delta), where sum is the constant's point
 * and each signal times its own. Written for this project, since the circulating verifiers are under other licences.
 *
 * A proof can be changed into another one of the same statement by anybody. Callers must never take its bytes for an
 * identity.
 */
library Groth16 {
    /// The field's order, again because assembly takes no constant of another library.
    uint256 private constant BASE = 21888242871839275222246405745257275088696311157297823662689037894645226208583;

    /// False, too, when the gas does not reach: callers that act on a no have to be sure of what was left.
    function verify(VerificationKey memory key, uint256 first, uint256 second, uint256 third, Proof calldata proof)
        internal
        view
        returns (bool valid)
    {
        // One spelling for each signal. The precompile would take the sum of it and the order as well.
        if (first >= Bn254.ORDER || second >= Bn254.ORDER || third >= Bn254.ORDER) return false;
        if (!isFinite(proof)) return false;
        uint256 input;
        assembly ("memory-safe") {
            // Behind all allocated memory, and forgotten afterwards.
            input := mload(0x40)
        }
        (bool added, uint256 x, uint256 y) = sum(key, first, second, third);
        assembly ("memory-safe") {
            // e(-a, b) e(alpha, beta) e(sum, gamma) e(c, delta) = 1. Out of range, -a stays so.
            calldatacopy(input, proof, 0xc0)
            mstore(add(input, 0x20), sub(BASE, mload(add(input, 0x20))))
            mcopy(add(input, 0xc0), key, 0xc0)
            mstore(add(input, 0x180), x)
            mstore(add(input, 0x1a0), y)
            mcopy(add(input, 0x1c0), add(key, 0xc0), 0x80)
            calldatacopy(add(input, 0x240), add(proof, 0xc0), 0x40)
            mcopy(add(input, 0x280), add(key, 0x140), 0x80)
            // What refuses leaves this word as it is.
            mstore(0x00, 0)
            valid := staticcall(gas(), 0x08, input, 0x300, 0x00, 0x20)
            valid := and(and(valid, added), eq(mload(0x00), 1))
        }
    }

    /// No point of a proof is infinity: of the first group no other has y = 0. The negative of a = 0 is out of range, and
    /// y = BASE would become zero when negated.
    function isFinite(Proof calldata proof) private pure returns (bool) {
        if (proof.aY >= Bn254.BASE || proof.cY == 0) return false;
        return proof.bX1 | proof.bX0 | proof.bY1 | proof.bY0 != 0;
    }

    /// ic0 + first ic1 + second ic2 + third ic3
    function sum(VerificationKey memory key, uint256 first, uint256 second, uint256 third)
        private
        view
        returns (bool added, uint256 x, uint256 y)
    {
        assembly ("memory-safe") {
            // The sum so far, and behind it the point and the scalar whose product is added.
            let so := mload(0x40)
            let point := add(so, 0x40)
            mcopy(so, add(key, 0x1c0), 0x40)

            mcopy(point, add(key, 0x200), 0x40)
            mstore(add(so, 0x80), first)
            added := staticcall(gas(), 0x07, point, 0x60, point, 0x40)
            added := and(added, staticcall(gas(), 0x06, so, 0x80, so, 0x40))

            mcopy(point, add(key, 0x240), 0x40)
            mstore(add(so, 0x80), second)
            added := and(added, staticcall(gas(), 0x07, point, 0x60, point, 0x40))
            added := and(added, staticcall(gas(), 0x06, so, 0x80, so, 0x40))

            mcopy(point, add(key, 0x280), 0x40)
            mstore(add(so, 0x80), third)
            added := and(added, staticcall(gas(), 0x07, point, 0x60, point, 0x40))
            added := and(added, staticcall(gas(), 0x06, so, 0x80, so, 0x40))
            x := mload(so)
            y := mload(add(so, 0x20))
        }
    }
}
