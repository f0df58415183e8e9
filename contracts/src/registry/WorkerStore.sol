// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { AMD_SEV_SNP, AWS_NITRO, Evidence, SnpPlatform } from "../evidence/IEvidenceVerifier.sol";
import { WorkerIdentity } from "../identity/WorkerIdentity.sol";
import { HeadKey, IWorkerRegistry, Worker } from "./IWorkerRegistry.sol";

enum Hardware {
    None,
    AwsNitro,
    AmdSevSnp
}

/// What is kept of each log, in as few words of storage as it fits, and the views of it.
abstract contract WorkerStore is IWorkerRegistry {
    struct Kept {
        // The first word says whether a head is taken, so that settlements read three words for a signature and no more.
        address settlement;
        uint48 expiresAt;
        uint48 revokedAt;
        bytes32 signerX;
        bytes32 signerY;
        // The next word is who is paid, and what a renewal is held against.
        address operator;
        uint40 registeredAt;
        uint40 challengeBlock;
        Hardware hardware;
        bool simulated;
        bytes32 image;
        bytes32 config;
        bytes32 runtime;
        bytes32 platformId;
        SnpPlatform snp;
        bytes32[] certificates;
    }

    mapping(bytes32 log => Kept) private workers;

    function workerOf(bytes32 log) public view returns (Worker memory worker) {
        Kept storage kept = workers[log];
        worker.revokedAt = kept.revokedAt;
        if (kept.registeredAt == 0) return worker;
        worker.tee = kept.hardware == Hardware.AwsNitro ? AWS_NITRO : AMD_SEV_SNP;
        worker.simulated = kept.simulated;
        worker.image = kept.image;
        worker.config = kept.config;
        worker.runtime = kept.runtime;
        worker.operator = kept.operator;
        worker.platformId = kept.platformId;
        worker.snp = kept.snp;
        worker.certificates = kept.certificates;
        worker.registeredAt = kept.registeredAt;
        worker.expiresAt = kept.expiresAt;
    }

    function headKeyOf(bytes32 log) external view returns (HeadKey memory) {
        Kept storage kept = workers[log];
        return HeadKey({
            signerX: kept.signerX,
            signerY: kept.signerY,
            settlement: kept.settlement,
            expiresAt: kept.expiresAt,
            revokedAt: kept.revokedAt
        });
    }

    function operatorOf(bytes32 log) external view returns (address) {
        return workers[log].operator;
    }

    function isLive(bytes32 log) external view returns (bool) {
        Kept storage kept = workers[log];
        return block.timestamp <= kept.expiresAt && kept.revokedAt == 0;
    }

    function recordOf(bytes32 log) internal view returns (Kept storage) {
        return workers[log];
    }

    /// What the identity says never changes: the log is its hash.
    function storeIdentity(bytes32 log, WorkerIdentity memory identity) internal {
        Kept storage kept = workers[log];
        kept.settlement = identity.settlement;
        kept.signerX = identity.signerX;
        kept.signerY = identity.signerY;
        kept.operator = identity.operator;
        kept.registeredAt = uint40(block.timestamp);
        kept.config = identity.config;
        kept.runtime = identity.runtime;
    }

    function storeFacts(bytes32 log, Evidence memory proven, uint256 expiresAt, uint256 challengeBlock) internal {
        Kept storage kept = workers[log];
        kept.expiresAt = uint48(expiresAt);
        kept.challengeBlock = uint40(challengeBlock);
        kept.hardware = hardwareOf(proven.tee);
        kept.simulated = proven.simulated;
        kept.image = proven.image;
        kept.platformId = proven.platformId;
        kept.certificates = proven.certificates;
        if (proven.tee == AMD_SEV_SNP) kept.snp = proven.snp;
    }

    function hardwareOf(bytes32 tee) internal pure returns (Hardware) {
        if (tee == AWS_NITRO) return Hardware.AwsNitro;
        return tee == AMD_SEV_SNP ? Hardware.AmdSevSnp : Hardware.None;
    }
}
