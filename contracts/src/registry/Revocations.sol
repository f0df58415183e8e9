// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Identities, WorkerIdentity } from "../identity/WorkerIdentity.sol";
import { Subtree } from "../log/Subtree.sol";
import { SignedHead, TreeHeads } from "../log/TreeHead.sol";
import { P256 } from "../p256/P256.sol";
import { WorkerStore } from "./WorkerStore.sol";

bytes32 constant REVOKE_TAG = "proofmark revoke v1";

/// Why a log is dead.
enum Revocation {
    BySigner,
    ByOperator,
    TwoRoots,
    TwoHistories,
    RootOfNothing,
    BySettlement
}

/// What one tree holds at a complete node, with the path from there to its root.
struct NodeProof {
    bytes32 hash;
    bytes32[] path;
}

/**
 * A revoked log is dead for ever, also one that was never registered. Whoever revokes brings the identity's words, which
 * hash to the log: so a tombstone can stand before a registration, and none is possible for a log whose words nobody knows.
 *
 * A worker revokes itself by its signer's signature. Its operator may as well, by a plain call: it is who is paid for the
 * log's receipts and pays for nobody else's, so that all it can destroy is its own income, and it is the first to notice
 * that a machine was stolen. Nobody but these two and proven equivocation can revoke.
 */
abstract contract Revocations is WorkerStore {
    event WorkerRevoked(bytes32 indexed log, Revocation indexed reason, uint48 revokedAt);

    error IdentityOfAnotherChain();
    error IdentityOfAnotherRegistry();
    error LogRevoked();
    error RevocationNotSigned();
    error HeadOfAnotherLog();
    error HeadNotSigned();
    error NoConflict();
    error NodeNotProven();
    error NotTheOperator();
    error NotTheSettlement();

    function revokeBySigner(bytes32[10] calldata words, bytes32 r, bytes32 s) external {
        (bytes32 log, WorkerIdentity memory identity) = openLog(words);
        bytes32 digest = sha256(abi.encode(REVOKE_TAG, block.chainid, address(this), log));
        if (!P256.verify(digest, r, s, identity.signerX, identity.signerY)) revert RevocationNotSigned();
        revoke(log, Revocation.BySigner);
    }

    function revokeByOperator(bytes32[10] calldata words) external {
        (bytes32 log, WorkerIdentity memory identity) = openLog(words);
        if (msg.sender != identity.operator) revert NotTheOperator();
        revoke(log, Revocation.ByOperator);
    }

    /// Two signed heads of one size.
    function revokeTwoRoots(bytes32[10] calldata words, SignedHead calldata one, SignedHead calldata other) external {
        (bytes32 log, WorkerIdentity memory identity) = openLog(words);
        if (one.size != other.size || one.root == other.root) revert NoConflict();
        requireSigned(log, identity, one);
        requireSigned(log, identity, other);
        revoke(log, Revocation.TwoRoots);
    }

    /**
     * Two signed heads of any sizes which hold different hashes at one complete node. A log that only ever grew has one
     * hash there for all time (RFC 6962 section 2.1); of two that do not continue each other, one of the complete nodes
     * that make up the shorter one always differs, so that whoever knows both trees can prove it.
     */
    function revokeTwoHistories(
        bytes32[10] calldata words,
        SignedHead[2] calldata heads,
        uint256 level,
        uint256 index,
        NodeProof[2] calldata proofs
    ) external {
        (bytes32 log, WorkerIdentity memory identity) = openLog(words);
        if (proofs[0].hash == proofs[1].hash) revert NoConflict();
        for (uint256 i = 0; i < 2; i++) {
            requireSigned(log, identity, heads[i]);
            if (!Subtree.isIn(level, index, proofs[i].hash, proofs[i].path, heads[i].size, heads[i].root)) {
                revert NodeNotProven();
            }
        }
        revoke(log, Revocation.TwoHistories);
    }

    /// A tree without leaves has one root, so that a head with another conflicts with every head of every log.
    function revokeRootOfNothing(bytes32[10] calldata words, SignedHead calldata head) external {
        (bytes32 log, WorkerIdentity memory identity) = openLog(words);
        if (head.size != 0 || head.root == sha256("")) revert NoConflict();
        requireSigned(log, identity, head);
        revoke(log, Revocation.RootOfNothing);
    }

    /// The log's settlement checked both signatures itself. Said twice, it changes nothing.
    function revokeEquivocating(bytes32 log) external {
        Kept storage kept = recordOf(log);
        if (kept.registeredAt == 0 || msg.sender != kept.settlement) revert NotTheSettlement();
        if (kept.revokedAt == 0) revoke(log, Revocation.BySettlement);
    }

    /// @return log by its words, which name this chain and registry and are not revoked
    function openLog(bytes32[10] calldata words) internal view returns (bytes32 log, WorkerIdentity memory identity) {
        identity = Identities.read(words);
        if (identity.chainId != block.chainid) revert IdentityOfAnotherChain();
        if (identity.registry != address(this)) revert IdentityOfAnotherRegistry();
        log = Identities.logOf(words);
        if (recordOf(log).revokedAt != 0) revert LogRevoked();
    }

    function revoke(bytes32 log, Revocation reason) private {
        recordOf(log).revokedAt = uint48(block.timestamp);
        emit WorkerRevoked(log, reason, uint48(block.timestamp));
    }

    /// As a head of this log for this chain and the settlement that the identity names: one for any other binds nobody.
    function requireSigned(bytes32 log, WorkerIdentity memory identity, SignedHead calldata head) private view {
        if (head.log != log) revert HeadOfAnotherLog();
        if (!TreeHeads.isSigned(head, identity.settlement, identity.signerX, identity.signerY)) revert HeadNotSigned();
    }
}
