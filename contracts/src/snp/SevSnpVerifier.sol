// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { KnownCode } from "../chain/KnownCode.sol";
import { Slice, Slices } from "../der/Slice.sol";
import { Certificate } from "../der/X509.sol";
import { AMD_SEV_SNP, Evidence, IEvidenceVerifier, SnpPlatform, SnpSigner } from "../evidence/IEvidenceVerifier.sol";
import { Sha256 } from "../hash/Sha256.sol";
import { Digest384 } from "../hash/Sha384.sol";
import { Sha384Pair } from "../hash/Sha384Pair.sol";
import { SnpAnchors } from "./SnpAnchors.sol";
import { ChainIncomplete, SnpAuthorities } from "./SnpAuthorities.sol";
import { SnpCertificateReader } from "./SnpCertificateReader.sol";
import { SnpEndorsement } from "./SnpEndorsement.sol";
import { SnpFacts } from "./SnpFacts.sol";
import { SnpReport, SnpReports } from "./SnpReport.sol";
import { SnpRules } from "./SnpRules.sol";
import { SnpSignature } from "./SnpSignature.sol";

/// The evidence is not of the one form that `verify` describes.
error EvidenceInvalid();

/**
 * AMD SEV-SNP attestation reports (AMD 56860, versions 2, 3 and 5) with their certificates, by the rules, in the order
 * and with the error names of the TypeScript verifier (verifier/snp). Stateless but for the cache of AMD's authorities.
 *
 * What this contract decides: everything about form, chain, key, TCB, chip and signature; that the product line is one;
 * and four things that no policy may want: a guest that its host may debug (it has no secrets, so its keys are anyone's),
 * a report that the host asked for (VMPL above 3), a chip's own key under a masked chip id, and levels or firmware above
 * the running ones, which genuine firmware never reports. What it leaves to policies and returns for them: product line
 * and kind of key, report version, VMPL 0 to 3, the other bits of the guest's policy (MIGRATE_MA among them) and of the
 * platform, minimum TCBs, measurement, chip and cloud. What nobody can tell from a report: when it was made; whether
 * AMD took the key back, since endorsement certificates all have the number 0 and revocation lists are not shown here.
 */
contract SevSnpVerifier is IEvidenceVerifier, SnpAuthorities {
    using SnpSignature for address;

    /// Three lengths of two bytes and the root.
    uint256 private constant HEADER_BYTES = 38;

    address public immutable P384_VERIFIER;

    /// What of evidence was proven, with slices of the memory that it was copied to.
    struct Proven {
        bytes32 root;
        SnpReport report;
        SnpEndorsement endorsement;
        Path path;
    }

    struct Parts {
        bytes32 root;
        Slice report;
        Slice leaf;
        /// In the evidence.
        uint256 leafAt;
        Slice intermediate;
    }

    /**
     * @param engine a Sha384Engine
     * @param pairEngine a Sha384PairEngine
     * @param p384 a P384Verifier
     * @param reader a SnpCertificateReader; all four are known by their code
     * @param roots certificates (DER) of AMD's root keys (ARK), one or more: all that this deployment trusts
     */
    constructor(address engine, address pairEngine, address p384, SnpCertificateReader reader, bytes[] memory roots)
        SnpAnchors(reader, roots)
        SnpAuthorities(engine, pairEngine)
    {
        KnownCode.checkP384Verifier(p384);
        P384_VERIFIER = p384;
    }

    /// @inheritdoc IEvidenceVerifier
    function SIMULATED() external view returns (bool) {
        return SIMULATED_ROOTS;
    }

    /**
     * @inheritdoc IEvidenceVerifier
     * @param evidence in this order and nothing else: the lengths of report, endorsement certificate and intermediate
     * certificate, two bytes each and big-endian; SHA-256 of the root certificate, 32 bytes; the report of 1184 bytes; the
     * endorsement certificate (VCEK or VLEK); the intermediate certificate (ASK or ASVK). Certificates are DER.
     * @param hints for the report's signature, as contracts/prover/p384 makes them
     */
    function verify(bytes calldata evidence, bytes calldata hints) external returns (Evidence memory result) {
        Proven memory proven = prove(evidence, hints);
        SnpReport memory report = proven.report;
        result.tee = AMD_SEV_SNP;
        result.simulated = SIMULATED_ROOTS;
        result.image =
            sha256(abi.encodePacked(bytes32("proofmark image v1"), AMD_SEV_SNP, report.measurement.toBytes()));
        result.identity = report.identity;
        result.challenge = report.challenge;
        result.notBefore = proven.path.notBefore;
        result.notAfter = proven.path.notAfter;
        if (!report.chipIdMasked) result.platformId = Sha256.digest(report.chipId);
        result.snp = platformOf(report, proven.endorsement);
        result.certificates = digestsOf(proven.path);
    }

    /// The same evidence, and all that it proves.
    function verifyReport(bytes calldata evidence, bytes calldata hints) external returns (SnpFacts memory facts) {
        Proven memory proven = prove(evidence, hints);
        SnpReport memory report = proven.report;
        facts.root = proven.root;
        facts.documentId = Sha256.digest(report.signed);
        facts.reportVersion = report.version;
        facts.product = proven.endorsement.product;
        facts.signer = proven.endorsement.kind;
        if (!report.chipIdMasked) facts.chipId = report.chipId.toBytes();
        if (proven.endorsement.hasCspId) facts.cspId = string(proven.endorsement.cspId.toBytes());
        facts.certificates = digestsOf(proven.path);
        facts.notBefore = proven.path.notBefore;
        facts.notAfter = proven.path.notAfter;
        copyGuest(report, facts);
        copyPlatform(report, facts);
    }

    function prove(bytes calldata evidence, bytes calldata hints) private returns (Proven memory proven) {
        Parts memory parts = split(evidence);
        proven.root = parts.root;
        proven.report = SnpReports.parse(parts.report);
        (Certificate memory leaf, SnpEndorsement memory endorsement) =
            CERTIFICATE_READER.read(evidence[parts.leafAt:parts.leafAt + parts.leaf.length()], parts.leaf.pointer());
        if (endorsement.kind == SnpSigner.None) revert ChainIncomplete();
        proven.endorsement = endorsement;
        (Digest384 memory reportDigest, Digest384 memory leafDigest) =
            Sha384Pair.digests(SHA384_PAIR_ENGINE, proven.report.signed, leaf.tbs);
        proven.path = provePath(parts.root, parts.intermediate, leaf, leafDigest);
        SnpRules.checkEndorsement(
            proven.report, endorsement, leaf, proven.path.intermediate, proven.path.anchor.product
        );
        P384_VERIFIER.check(proven.report, reportDigest, leaf.key, hints);
        SnpRules.checkGuest(proven.report, proven.endorsement.kind);
    }

    function split(bytes calldata evidence) private pure returns (Parts memory parts) {
        if (evidence.length < HEADER_BYTES) revert EvidenceInvalid();
        uint256 lengths = uint48(bytes6(evidence));
        (uint256 reportBytes, uint256 leafBytes) = (lengths >> 32, (lengths >> 16) & 0xffff);
        if (evidence.length != HEADER_BYTES + reportBytes + leafBytes + (lengths & 0xffff)) revert EvidenceInvalid();
        parts.root = bytes32(evidence[6:]);
        Slice all = Slices.ofBytes(evidence[HEADER_BYTES:]);
        parts.report = Slices.make(all.pointer(), reportBytes);
        parts.leafAt = HEADER_BYTES + reportBytes;
        parts.leaf = Slices.make(all.pointer() + reportBytes, leafBytes);
        parts.intermediate = all.skip(reportBytes + leafBytes);
    }

    function digestsOf(Path memory path) private view returns (bytes32[] memory digests) {
        digests = new bytes32[](3);
        digests[0] = path.anchor.tbs;
        digests[1] = path.intermediateTbs;
        digests[2] = Sha256.digest(path.leaf.tbs);
    }

    function platformOf(SnpReport memory report, SnpEndorsement memory endorsement)
        private
        view
        returns (SnpPlatform memory platform)
    {
        platform.product = endorsement.product;
        platform.signer = endorsement.kind;
        platform.reportVersion = report.version;
        // At most 3, which checkGuest saw to.
        platform.vmpl = uint8(report.vmpl);
        platform.cpu = report.cpu;
        platform.guestSvn = report.guestSvn;
        platform.guestPolicy = report.guestPolicy;
        platform.platformInfo = report.platformInfo;
        platform.reportedTcb = report.reportedTcb;
        platform.committedTcb = report.committedTcb;
        platform.currentTcb = report.currentTcb;
        platform.launchTcb = report.launchTcb;
        if (endorsement.hasCspId) platform.cloud = Sha256.digest(endorsement.cspId);
    }

    function copyGuest(SnpReport memory report, SnpFacts memory facts) private pure {
        facts.vmpl = report.vmpl;
        facts.guestSvn = report.guestSvn;
        facts.guestPolicy = report.guestPolicy;
        facts.measurement = report.measurement.toBytes();
        facts.hostData = report.hostData;
        facts.familyId = report.familyId;
        facts.imageId = report.imageId;
        facts.idKeyDigest = report.idKeyDigest.toBytes();
        facts.authorKeyDigest = report.authorKeyDigest.toBytes();
        facts.authorKeyEnabled = report.authorKeyEnabled;
        facts.reportId = report.reportId;
        facts.migrationAgentReportId = report.migrationAgentReportId;
        facts.identity = report.identity;
        facts.challenge = report.challenge;
    }

    function copyPlatform(SnpReport memory report, SnpFacts memory facts) private pure {
        facts.cpu = report.cpu;
        facts.platformInfo = report.platformInfo;
        facts.currentTcb = report.currentTcb;
        facts.reportedTcb = report.reportedTcb;
        facts.committedTcb = report.committedTcb;
        facts.launchTcb = report.launchTcb;
        facts.currentFirmware = report.currentFirmware;
        facts.committedFirmware = report.committedFirmware;
        facts.launchMitigations = report.launchMitigations;
        facts.currentMitigations = report.currentMitigations;
    }
}
