// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { CodeData } from "../chain/CodeData.sol";
import { Sha256 } from "../hash/Sha256.sol";
import { P256 } from "../p256/P256.sol";
import { Answer, IResultVerifier } from "./IResultVerifier.sol";

/// A public key of P-256.
struct Auditor {
    bytes32 x;
    bytes32 y;
}

/// What one of them signed: its place in the list, and the signature.
struct Approval {
    uint256 auditor;
    bytes32 r;
    bytes32 s;
}

/**
 * The level `replayed` of DESIGN section 6: enough of the named auditors have run the model again and had the same bits. An
 * enclave's receipt is needed as well: what they approve is that worker's answer.
 * `proof` is abi.encode(Approval[]) in the order of the list, each of them valid, at least `NEEDED`.
 *
 * Whoever relies on it has chosen the auditors. That they are not one party under several names, and that they did run it,
 * no contract can see.
 */
contract ReplayedResult is IResultVerifier {
    bytes32 private constant APPROVAL_TAG = "proofmark approval v1";

    /// So many signatures still fit into what a settlement gives for a question where the chain has no P256VERIFY.
    uint256 public constant MOST_AUDITORS = 16;

    uint256 public immutable AUDITORS;
    uint256 public immutable NEEDED;
    address private immutable KEYS;

    error AuditorsInvalid();
    /// Off the curve.
    error AuditorKeyInvalid(uint256 index);
    /// One key, or one key and its negative: who can sign for one can sign for both.
    error AuditorTwice(uint256 index);

    constructor(Auditor[] memory auditors, uint256 needed) {
        uint256 count = auditors.length;
        if (count > MOST_AUDITORS || needed == 0 || needed > count) revert AuditorsInvalid();
        bytes memory keys;
        for (uint256 i = 0; i < count; i++) {
            (bytes32 x, bytes32 y) = (auditors[i].x, auditors[i].y);
            if (!P256.isValidPublicKey(x, y)) revert AuditorKeyInvalid(i);
            for (uint256 j = 0; j < i; j++) {
                if (auditors[j].x == x) revert AuditorTwice(i);
            }
            keys = bytes.concat(keys, x, y);
        }
        (AUDITORS, NEEDED, KEYS) = (count, needed, CodeData.write(keys));
    }

    function needsReceipt() external pure returns (bool) {
        return true;
    }

    function auditorAt(uint256 index) public view returns (Auditor memory) {
        if (index >= AUDITORS) revert AuditorsInvalid();
        return abi.decode(CodeData.read(KEYS, 64 * index, 64), (Auditor));
    }

    function verify(Answer calldata answer, bytes calldata proof) external view returns (bool) {
        if (answer.log == 0) return false;
        Approval[] memory approvals = abi.decode(proof, (Approval[]));
        // Nothing behind them, so that they have one spelling.
        if (approvals.length < NEEDED || proof.length != 64 + 96 * approvals.length) return false;
        bytes32 digest = approvalOf(answer);
        uint256 next = 0;
        for (uint256 i = 0; i < approvals.length; i++) {
            Approval memory approval = approvals[i];
            // Each later in the list than the one before it: nobody counts twice.
            if (approval.auditor < next || approval.auditor >= AUDITORS) return false;
            Auditor memory auditor = auditorAt(approval.auditor);
            if (!P256.verify(digest, approval.r, approval.s, auditor.x, auditor.y)) return false;
            next = approval.auditor + 1;
        }
        return true;
    }

    /// What an auditor signs, which names this contract and its chain.
    function approvalOf(Answer calldata answer) private view returns (bytes32) {
        bytes memory words = abi.encode(
            APPROVAL_TAG,
            block.chainid,
            address(this),
            answer.escrow,
            answer.log,
            answer.modelId,
            answer.inputHash,
            Sha256.digest(answer.output),
            answer.execution
        );
        return Sha256.digest(words);
    }
}
