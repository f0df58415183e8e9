// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Receipt, Receipts } from "../log/Receipt.sol";
import { Subtree } from "../log/Subtree.sol";
import { SignedHead, TreeHeads } from "../log/TreeHead.sol";
import { HeadKey, IWorkerRegistry } from "../registry/IWorkerRegistry.sol";
import { Signatures } from "./Signatures.sol";

/// A receipt, its neighbours on the way to the root, lowest first, and the head. Where the head is kept already, its
/// signature is not looked at.
struct LoggedReceipt {
    Receipt receipt;
    bytes32[] path;
    SignedHead head;
}

/**
 * Signed roots of logs (DESIGN section 8). One head settles any number of receipts before it. A head comes with the call
 * that needs it, or is kept by (log, size) for all that come after; a second root for one (log, size) ends the log.
 */
abstract contract Heads is Signatures {
    IWorkerRegistry public immutable REGISTRY;

    /// How long after its log's expiry a head is still accepted: what was answered last has to be settled somehow.
    uint256 public constant HEAD_GRACE = 24 hours;

    mapping(bytes32 log => mapping(uint256 size => bytes32 root)) private roots;

    event HeadPosted(bytes32 indexed log, uint256 size, bytes32 root);
    /// The log's key has signed both. The registry has revoked the log, and the first root stays.
    event HeadsConflict(bytes32 indexed log, uint256 size, bytes32 kept, bytes32 root);

    error RegistryHasNoCode();
    error LogUnknown();
    /// The identity of the log names another settlement, or none.
    error LogOfOtherSettlement();
    error LogRevoked();
    error HeadTooLate();
    error HeadNotSigned();
    /// Another root is kept for this size; `postHead` takes this one as evidence.
    error HeadConflicts();
    error RootIsZero();
    error ReceiptNotInHead();

    constructor(IWorkerRegistry registry) {
        if (address(registry).code.length == 0) revert RegistryHasNoCode();
        REGISTRY = registry;
    }

    /// Zero where none is kept.
    function rootOf(bytes32 log, uint256 size) external view returns (bytes32) {
        return roots[log][size];
    }

    /// Keeps a head, whoever brings it. Posting it again changes nothing.
    /// @return kept whether this is the head that is kept; false: it was evidence against its log
    function postHead(SignedHead calldata head) external returns (bool kept) {
        bytes32 known = roots[head.log][head.size];
        if (head.root == 0) revert RootIsZero();
        if (known == head.root) return true;
        if (known != 0) {
            // No clock: two roots for one size are evidence for as long as there is a log to revoke.
            checkSigned(head, headKey(head.log));
            emit HeadsConflict(head.log, head.size, known, head.root);
            REGISTRY.revokeEquivocating(head.log);
            return false;
        }
        checkNew(head);
        roots[head.log][head.size] = head.root;
        emit HeadPosted(head.log, head.size, head.root);
        return true;
    }

    /// The receipt stands in its log, under a head that is kept or that is signed and still accepted.
    function checkLogged(LoggedReceipt calldata logged) internal view {
        SignedHead calldata head = logged.head;
        bytes32 known = roots[head.log][head.size];
        if (known == 0) checkNew(head);
        else if (known != head.root) revert HeadConflicts();
        bytes32 leaf = Receipts.leaf(logged.receipt);
        if (!Subtree.isIn(0, logged.receipt.index, leaf, logged.path, head.size, head.root)) revert ReceiptNotInHead();
    }

    function checkNew(SignedHead calldata head) private view {
        HeadKey memory key = headKey(head.log);
        if (block.timestamp > uint256(key.expiresAt) + HEAD_GRACE) revert HeadTooLate();
        checkSigned(head, key);
    }

    function checkSigned(SignedHead calldata head, HeadKey memory key) private view {
        if (head.size >= Subtree.MOST_LEAVES) revert HeadNotSigned();
        bytes32 digest = TreeHeads.digest(address(this), head.log, head.size, head.root);
        if (!isSigned(digest, head.r, head.s, key.signerX, key.signerY)) revert HeadNotSigned();
    }

    /// Of a log that names this settlement and is not revoked.
    function headKey(bytes32 log) private view returns (HeadKey memory key) {
        key = REGISTRY.headKeyOf(log);
        if (key.expiresAt == 0) revert LogUnknown();
        if (key.settlement != address(this)) revert LogOfOtherSettlement();
        if (key.revokedAt != 0) revert LogRevoked();
    }
}
