// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Sha256 } from "../hash/Sha256.sol";
import { Bn254 } from "../proved/Bn254.sol";
import { CircuitKey, CircuitKeys } from "../proved/CircuitKey.sol";
import { Groth16, Proof } from "../proved/Groth16.sol";
import { Rows } from "../proved/Rows.sol";
import { StoredKey } from "../proved/StoredKey.sol";
import { Answer, IResultVerifier } from "./IResultVerifier.sol";

/// What comes before the elements of the input.
struct Proven {
    bytes32 commitment;
    Proof proof;
}

/**
 * The level `proved` of DESIGN section 6: a proof that the model, as its circuit says it, makes this output of this input.
 * `proof` is a `Proven`, and the input's elements, a word each; the requester's input is told by its hash.
 *
 * The commitment fixes input and output before the point is known, because the point is a hash over it: where both have
 * the same evaluation there they are the same. Payee and escrow are in that hash, so a copy of a proof pays nobody else.
 *
 * Whoever relies on it compares `KEY_HASH` with the `circuit` of the release's manifest, and reads `IS_DEV`. That the key is
 * of the model's circuit, and that its ceremony had one honest party, no contract can see.
 */
contract ProvedResult is IResultVerifier, StoredKey {
    bytes32 private constant POINT_TAG = "proofmark point v1";
    uint256 private constant PROVEN_BYTES = 288;

    /// Whose circuit it is.
    bytes32 public immutable MODEL_ID;
    bool private immutable RECEIPTS;

    /// One party made the keys, and can prove whatever it likes.
    error DevSetup();

    /// @param receipts whether the answer has to be an enclave's as well, whose receipt carries the same commitment
    /// @param allowDev takes keys of one party, for tests
    constructor(bytes memory circuitKey, bytes32 modelId, bool receipts, bool allowDev) StoredKey(circuitKey) {
        if (IS_DEV && !allowDev) revert DevSetup();
        MODEL_ID = modelId;
        RECEIPTS = receipts;
    }

    function needsReceipt() external view returns (bool) {
        return RECEIPTS;
    }

    function verify(Answer calldata answer, bytes calldata proof) external view returns (bool) {
        if (answer.modelId != MODEL_ID || proof.length != PROVEN_BYTES + INPUT_ELEMENT_BYTES) return false;
        Proven calldata proven;
        assembly ("memory-safe") {
            proven := proof.offset
        }
        // Zero is the receipt's word for none.
        if (proven.commitment == 0 || (RECEIPTS && proven.commitment != answer.commitment)) return false;
        bytes calldata inputs = proof[PROVEN_BYTES:];
        (bool isInput, bytes memory input) = Rows.unpack(inputFormat(), inputs);
        if (!isInput || Sha256.digest(input) != answer.inputHash) return false;
        bytes calldata output = answer.output;
        (bool isOutput, uint256[] memory outputs) = Rows.pack(outputFormat(), output);
        if (!isOutput) return false;
        uint256 point = pointOf(answer, Sha256.digest(output), proven.commitment);
        // There every evaluation is zero.
        if (point == 0) return false;
        uint256 evaluation = Rows.evaluate(inputs, outputs, point);
        return Groth16.verify(storedKey(), uint256(proven.commitment), evaluation, point, proven.proof);
    }

    /// DESIGN section 6, as `wire/message/proof.ts` writes it.
    function pointOf(Answer calldata answer, bytes32 outputHash, bytes32 commitment) private view returns (uint256) {
        bytes memory words = abi.encode(
            POINT_TAG,
            block.chainid,
            address(this),
            answer.escrow,
            answer.modelId,
            answer.inputHash,
            outputHash,
            answer.payee,
            commitment
        );
        return uint256(Sha256.digest(words)) % Bn254.ORDER;
    }
}
