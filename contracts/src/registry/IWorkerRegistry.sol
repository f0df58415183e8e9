// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SnpPlatform } from "../evidence/IEvidenceVerifier.sol";

/// Everything that policies may rule on, as it was proven when the log was registered or last renewed.
struct Worker {
    bytes32 tee;
    bool simulated;
    bytes32 image;
    bytes32 config;
    bytes32 runtime;
    address operator;
    bytes32 platformId;
    SnpPlatform snp;
    /// SHA-256 of the signed part of each certificate, root first, leaf last.
    bytes32[] certificates;
    /// The first time: a renewal leaves it.
    uint48 registeredAt;
    /// The last second of its life. Zero: no such log.
    uint48 expiresAt;
    /// Zero: not revoked. Never goes back to zero.
    uint48 revokedAt;
}

/// What a head is held against, in as few words of storage as it fits.
struct HeadKey {
    bytes32 signerX;
    bytes32 signerY;
    /// The one settlement that the log's identity names.
    address settlement;
    uint48 expiresAt;
    uint48 revokedAt;
}

/// Logs by hardware evidence that was verified in the transaction that registered them. No owner, no switch.
interface IWorkerRegistry {
    /// All zero where no such log was registered, but for `revokedAt` where one was revoked before it could be.
    function workerOf(bytes32 log) external view returns (Worker memory);

    function headKeyOf(bytes32 log) external view returns (HeadKey memory);

    /// Who registered the log, and is paid for what it answers; zero where no such log was registered.
    function operatorOf(bytes32 log) external view returns (address);

    /// Registered, not expired at `block.timestamp`, not revoked.
    function isLive(bytes32 log) external view returns (bool);

    /// A second root for one size: the settlement that the log names saw both, signed. The log is revoked for ever.
    function revokeEquivocating(bytes32 log) external;
}
