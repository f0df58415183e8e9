// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Bn254 } from "./Bn254.sol";
import { VerificationKey } from "./Groth16.sol";
import { RowFormat, Rows } from "./Rows.sol";

/// DESIGN section 6: what a release names as its circuit, word for word as `wire/message/circuit-key.ts` writes it.
struct CircuitKey {
    bytes32 tag;
    /// SHA-256 of the constraints.
    bytes32 r1cs;
    /// SHA-256 of the proving key, which holds the transcript of the circuit's own ceremony.
    bytes32 provingKey;
    /// Contributions to the powers of tau, and to the circuit's own part: as many as the publisher has verified.
    uint256 phase1;
    uint256 phase2;
    RowFormat input;
    RowFormat output;
    VerificationKey verification;
}

library CircuitKeys {
    bytes32 private constant TAG = "proofmark circuit v1";
    uint256 private constant WORDS = 33;

    /// As wide as an integer program may be (`wire/limits.ts`, `circuitValues`).
    uint256 internal constant MOST_VALUES = 4_096;

    error CircuitKeyInvalid();
    /// A point that is none, infinity, or a key that anybody can prove anything with.
    error PointInvalid();

    /// For constructors: everything about a key that can be seen in it. That it is of the model's circuit cannot.
    function read(bytes memory encoded) internal view returns (CircuitKey memory key) {
        if (encoded.length != 32 * WORDS) revert CircuitKeyInvalid();
        // Structs of static members are their words; a sign that is neither 0 nor 1 makes this revert.
        key = abi.decode(encoded, (CircuitKey));
        if (key.tag != TAG) revert CircuitKeyInvalid();
        if (!isCount(key.phase1) || !isCount(key.phase2)) revert CircuitKeyInvalid();
        if (!isFormat(key.input) || !isFormat(key.output)) revert CircuitKeyInvalid();
        if (!isSound(key.verification)) revert PointInvalid();
    }

    /// Where only one party contributed, that party can prove whatever it likes.
    function isDev(CircuitKey memory key) internal pure returns (bool) {
        return key.phase1 < 2 || key.phase2 < 2;
    }

    function isCount(uint256 count) private pure returns (bool) {
        return count != 0 && count <= type(uint32).max;
    }

    function isFormat(RowFormat memory format) private pure returns (bool) {
        return Rows.isWidth(format.bits) && format.count != 0 && format.count <= MOST_VALUES;
    }

    function isSound(VerificationKey memory key) private view returns (bool) {
        bool first = Bn254.isFirst(key.alphaX, key.alphaY) && Bn254.isFirst(key.ic0X, key.ic0Y)
            && Bn254.isFirst(key.ic1X, key.ic1Y) && Bn254.isFirst(key.ic2X, key.ic2Y)
            && Bn254.isFirst(key.ic3X, key.ic3Y);
        // A signal whose point were infinity would be bound by nothing.
        if (!first) return false;
        bool second = Bn254.isSecond(key.betaX1, key.betaX0, key.betaY1, key.betaY0)
            && Bn254.isSecond(key.gammaX1, key.gammaX0, key.gammaY1, key.gammaY0)
            && Bn254.isSecond(key.deltaX1, key.deltaX0, key.deltaY1, key.deltaY0);
        if (!second) return false;
        // Equal until somebody contributes to the circuit's part: then c = -sum cancels what a proof should say.
        return key.gammaX1 != key.deltaX1 || key.gammaX0 != key.deltaX0;
    }
}
