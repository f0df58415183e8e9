// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { CircuitKey, CircuitKeys } from "./CircuitKey.sol";
import { VerificationKey } from "./Groth16.sol";
import { RowFormat, Rows } from "./Rows.sol";

/// A circuit key in the code itself, where a word costs what any constant costs.
abstract contract StoredKey {
    /// SHA-256 of the key: what the manifest of the release names as its circuit.
    bytes32 public immutable KEY_HASH;
    /// Contributions that the publisher says it has verified, to the powers of tau and to the circuit's own part.
    uint256 public immutable PHASE_1;
    uint256 public immutable PHASE_2;
    /// One party made the key, and can prove whatever it likes.
    bool public immutable IS_DEV;

    uint256 internal immutable INPUT_ELEMENT_BYTES;
    uint256 private immutable INPUT_BITS;
    bool private immutable INPUT_SIGNED;
    uint256 private immutable INPUT_COUNT;
    uint256 private immutable OUTPUT_BITS;
    bool private immutable OUTPUT_SIGNED;
    uint256 private immutable OUTPUT_COUNT;

    uint256 private immutable ALPHA_X;
    uint256 private immutable ALPHA_Y;
    uint256 private immutable BETA_X1;
    uint256 private immutable BETA_X0;
    uint256 private immutable BETA_Y1;
    uint256 private immutable BETA_Y0;
    uint256 private immutable GAMMA_X1;
    uint256 private immutable GAMMA_X0;
    uint256 private immutable GAMMA_Y1;
    uint256 private immutable GAMMA_Y0;
    uint256 private immutable DELTA_X1;
    uint256 private immutable DELTA_X0;
    uint256 private immutable DELTA_Y1;
    uint256 private immutable DELTA_Y0;
    uint256 private immutable IC0_X;
    uint256 private immutable IC0_Y;
    uint256 private immutable IC1_X;
    uint256 private immutable IC1_Y;
    uint256 private immutable IC2_X;
    uint256 private immutable IC2_Y;
    uint256 private immutable IC3_X;
    uint256 private immutable IC3_Y;

    constructor(bytes memory encoded) {
        CircuitKey memory key = CircuitKeys.read(encoded);
        KEY_HASH = sha256(encoded);
        PHASE_1 = key.phase1;
        PHASE_2 = key.phase2;
        IS_DEV = CircuitKeys.isDev(key);
        INPUT_ELEMENT_BYTES = 32 * Rows.elementsOf(key.input);
        INPUT_BITS = key.input.bits;
        INPUT_SIGNED = key.input.signed;
        INPUT_COUNT = key.input.count;
        OUTPUT_BITS = key.output.bits;
        OUTPUT_SIGNED = key.output.signed;
        OUTPUT_COUNT = key.output.count;
        VerificationKey memory words = key.verification;
        ALPHA_X = words.alphaX;
        ALPHA_Y = words.alphaY;
        BETA_X1 = words.betaX1;
        BETA_X0 = words.betaX0;
        BETA_Y1 = words.betaY1;
        BETA_Y0 = words.betaY0;
        GAMMA_X1 = words.gammaX1;
        GAMMA_X0 = words.gammaX0;
        GAMMA_Y1 = words.gammaY1;
        GAMMA_Y0 = words.gammaY0;
        DELTA_X1 = words.deltaX1;
        DELTA_X0 = words.deltaX0;
        DELTA_Y1 = words.deltaY1;
        DELTA_Y0 = words.deltaY0;
        IC0_X = words.ic0X;
        IC0_Y = words.ic0Y;
        IC1_X = words.ic1X;
        IC1_Y = words.ic1Y;
        IC2_X = words.ic2X;
        IC2_Y = words.ic2Y;
        IC3_X = words.ic3X;
        IC3_Y = words.ic3Y;
    }

    function inputFormat() internal view returns (RowFormat memory) {
        return RowFormat(INPUT_BITS, INPUT_SIGNED, INPUT_COUNT);
    }

    function outputFormat() internal view returns (RowFormat memory) {
        return RowFormat(OUTPUT_BITS, OUTPUT_SIGNED, OUTPUT_COUNT);
    }

    function storedKey() internal view returns (VerificationKey memory) {
        return VerificationKey({
            alphaX: ALPHA_X,
            alphaY: ALPHA_Y,
            betaX1: BETA_X1,
            betaX0: BETA_X0,
            betaY1: BETA_Y1,
            betaY0: BETA_Y0,
            gammaX1: GAMMA_X1,
            gammaX0: GAMMA_X0,
            gammaY1: GAMMA_Y1,
            gammaY0: GAMMA_Y0,
            deltaX1: DELTA_X1,
            deltaX0: DELTA_X0,
            deltaY1: DELTA_Y1,
            deltaY0: DELTA_Y0,
            ic0X: IC0_X,
            ic0Y: IC0_Y,
            ic1X: IC1_X,
            ic1Y: IC1_Y,
            ic2X: IC2_X,
            ic2Y: IC2_Y,
            ic3X: IC3_X,
            ic3Y: IC3_Y
        });
    }
}
