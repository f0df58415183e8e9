// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SnpProduct, SnpSigner } from "../evidence/IEvidenceVerifier.sol";

/// What a report proves, field by field. Numbers are read; TCBs stand as in the report, first byte highest.
struct SnpFacts {
    /// SHA-256 of the certificate of the pinned root.
    bytes32 root;
    /// SHA-256 of what was signed. Never of the signature: (r, n - s) is another signature of the same report.
    bytes32 documentId;
    uint8 reportVersion;
    SnpProduct product;
    SnpSigner signer;
    /// CPUID family, model and stepping, a byte each; zero in version 2.
    uint24 cpu;
    /// 64 bytes as in the report; none where the report masks it, which only one by a VLEK may.
    bytes chipId;
    /// The cloud to which AMD lent a VLEK; empty for a VCEK.
    string cspId;
    uint32 vmpl;
    uint32 guestSvn;
    uint64 guestPolicy;
    uint64 platformInfo;
    bytes measurement;
    bytes32 hostData;
    bytes16 familyId;
    bytes16 imageId;
    bytes idKeyDigest;
    bytes authorKeyDigest;
    bool authorKeyEnabled;
    bytes32 reportId;
    bytes32 migrationAgentReportId;
    uint64 currentTcb;
    uint64 reportedTcb;
    uint64 committedTcb;
    uint64 launchTcb;
    /// Major, minor and build, a byte each.
    uint24 currentFirmware;
    uint24 committedFirmware;
    /// Zero before version 5.
    uint64 launchMitigations;
    uint64 currentMitigations;
    /// The two halves of REPORT_DATA.
    bytes32 identity;
    bytes32 challenge;
    /// SHA-256 of the signed part of root, intermediate and leaf.
    bytes32[] certificates;
    /// When all of them are valid, in seconds since 1970; both inclusive.
    uint64 notBefore;
    uint64 notAfter;
}
