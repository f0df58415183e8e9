// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Slice, Slices } from "../der/Slice.sol";

// One error for each code of verifier/codec/snp-report.ts.
error ReportLength();
error ReportVersionUnknown();
error ReportSignatureAlgorithm();
error ReportReserved();
error ReportSignerUnknown();
error ReportSignatureFormat();

/// SIGNING_KEY: of a report that the host asked for with no key at all, there is nothing to verify.
enum SigningKey {
    Vcek,
    Vlek,
    Nobody
}

/// A report that was read and not yet believed. Slices are of the bytes given. Numbers are read as little-endian; TCBs
/// are kept as they stand, first byte highest, because their layout depends on the product line.
struct SnpReport {
    uint8 version;
    uint32 guestSvn;
    uint64 guestPolicy;
    bytes16 familyId;
    bytes16 imageId;
    uint32 vmpl;
    uint64 currentTcb;
    uint64 platformInfo;
    bool authorKeyEnabled;
    bool chipKeyMasked;
    SigningKey signingKey;
    /// The two halves of REPORT_DATA: what the guest binds, and the challenge that it answers (DESIGN section 3).
    bytes32 identity;
    bytes32 challenge;
    Slice measurement;
    bytes32 hostData;
    Slice idKeyDigest;
    Slice authorKeyDigest;
    bytes32 reportId;
    bytes32 migrationAgentReportId;
    uint64 reportedTcb;
    /// Family, model and stepping; zero in version 2, which has none.
    uint24 cpu;
    Slice chipId;
    bool chipIdMasked;
    uint64 committedTcb;
    /// Major, minor and build, so that a later one is a greater number.
    uint24 currentFirmware;
    uint24 committedFirmware;
    uint64 launchTcb;
    /// Zero before version 5.
    uint64 launchMitigations;
    uint64 currentMitigations;
    Slice signed;
}

/// AMD 56860 (SEV-SNP firmware ABI) section 7.3, ATTESTATION_REPORT, by the rules of verifier/codec/snp-report.ts.
library SnpReports {
    uint256 internal constant BYTES = 0x4a0;
    uint256 internal constant SIGNED_BYTES = 0x2a0;
    uint256 private constant SCALAR_FIELD = 72;
    uint256 private constant SCALAR_BYTES = 48;
    uint256 private constant ECDSA_P384_SHA384 = 1;
    /// Bits of POLICY and KEY_INFO that have a meaning.
    uint256 private constant POLICY_BITS = 26;
    uint256 private constant POLICY_MUST_BE_ONE = 17;
    uint256 private constant KEY_INFO_BITS = 5;

    function parse(Slice input) internal pure returns (SnpReport memory report) {
        if (input.length() != BYTES) revert ReportLength();
        uint256 start = input.pointer();
        uint256 version = little(start, 4);
        // Version 4 was never seen and is not known to be the same as either neighbour.
        if (version != 2 && version != 3 && version != 5) revert ReportVersionUnknown();
        if (little(start + 0x34, 4) != ECDSA_P384_SHA384) revert ReportSignatureAlgorithm();
        checkReserved(start, version);
        report.version = uint8(version);
        readGuest(report, start);
        readKeyInfo(report, little(start + 0x48, 4));
        readPlatform(report, start, version);
        checkSignature(start + SIGNED_BYTES);
        report.signed = Slices.make(start, SIGNED_BYTES);
    }

    function readGuest(SnpReport memory report, uint256 start) private pure {
        uint256 policy = little(start + 0x08, 8);
        if (policy >> POLICY_BITS != 0 || (policy >> POLICY_MUST_BE_ONE) & 1 == 0) revert ReportReserved();
        report.guestPolicy = uint64(policy);
        report.guestSvn = uint32(little(start + 0x04, 4));
        report.familyId = bytes16(wordAt(start + 0x10));
        report.imageId = bytes16(wordAt(start + 0x20));
        report.vmpl = uint32(little(start + 0x30, 4));
        report.identity = wordAt(start + 0x50);
        report.challenge = wordAt(start + 0x70);
        report.measurement = Slices.make(start + 0x90, 48);
        report.hostData = wordAt(start + 0xc0);
        report.idKeyDigest = Slices.make(start + 0xe0, 48);
        report.authorKeyDigest = Slices.make(start + 0x110, 48);
        report.reportId = wordAt(start + 0x140);
        report.migrationAgentReportId = wordAt(start + 0x160);
    }

    function readKeyInfo(SnpReport memory report, uint256 keyInfo) private pure {
        if (keyInfo >> KEY_INFO_BITS != 0) revert ReportReserved();
        report.authorKeyEnabled = keyInfo & 1 != 0;
        report.chipKeyMasked = keyInfo & 2 != 0;
        uint256 signer = keyInfo >> 2;
        if (signer == 1) report.signingKey = SigningKey.Vlek;
        else if (signer == 7) report.signingKey = SigningKey.Nobody;
        else if (signer != 0) revert ReportSignerUnknown();
    }

    function readPlatform(SnpReport memory report, uint256 start, uint256 version) private pure {
        report.currentTcb = raw64(start + 0x38);
        report.platformInfo = uint64(little(start + 0x40, 8));
        report.reportedTcb = raw64(start + 0x180);
        if (version != 2) report.cpu = uint24(uint256(wordAt(start + 0x188)) >> 232);
        report.chipId = Slices.make(start + 0x1a0, 64);
        report.chipIdMasked = wordAt(start + 0x1a0) | wordAt(start + 0x1c0) == 0;
        report.committedTcb = raw64(start + 0x1e0);
        // Build, minor and major in the report.
        report.currentFirmware = uint24(little(start + 0x1e8, 3));
        report.committedFirmware = uint24(little(start + 0x1ec, 3));
        report.launchTcb = raw64(start + 0x1f0);
        if (version != 5) return;
        report.launchMitigations = uint64(little(start + 0x1f8, 8));
        report.currentMitigations = uint64(little(start + 0x200, 8));
    }

    /// What is reserved is zero; in later versions some of it is not reserved any more.
    function checkReserved(uint256 start, uint256 version) private pure {
        uint256 seen = little(start + 0x4c, 4) | little(start + 0x1eb, 1) | little(start + 0x1ef, 1);
        // 0x188 to 0x1a0, of which the CPU takes the first three bytes from version 3 on.
        seen |= version == 2 ? little(start + 0x188, 24) : little(start + 0x18b, 21);
        if (version != 5) seen |= little(start + 0x1f8, 16);
        seen |= allOf(start + 0x208, SIGNED_BYTES - 0x208);
        uint256 tail = SIGNED_BYTES + 2 * SCALAR_FIELD;
        seen |= allOf(start + tail, BYTES - tail);
        if (seen != 0) revert ReportReserved();
    }

    function checkSignature(uint256 at) private pure {
        uint256 padding = SCALAR_FIELD - SCALAR_BYTES;
        uint256 seen = little(at + SCALAR_BYTES, padding) | little(at + SCALAR_FIELD + SCALAR_BYTES, padding);
        if (seen != 0) revert ReportSignatureFormat();
    }

    /// r and s in the order of the world, 48 bytes each, to `to`; 16 bytes behind them are overwritten too.
    function writeSignature(SnpReport memory report, uint256 to) internal pure {
        uint256 at = report.signed.pointer() + SIGNED_BYTES;
        writeScalar(at, to);
        writeScalar(at + SCALAR_FIELD, to + SCALAR_BYTES);
    }

    function writeScalar(uint256 at, uint256 to) private pure {
        uint256 upper = little(at + 16, 32);
        uint256 lower = little(at, 16) << 128;
        assembly ("memory-safe") {
            mstore(to, upper)
            mstore(add(to, 32), lower)
        }
    }

    /// The number of `size` bytes, 1 to 32, with the first byte lowest.
    function little(uint256 at, uint256 size) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(at)
            // Neighbours change places: bytes, pairs, fours, eights, halves.
            let mask := 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff
            value := or(and(shr(8, value), mask), shl(8, and(value, mask)))
            mask := 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff
            value := or(and(shr(16, value), mask), shl(16, and(value, mask)))
            mask := 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff
            value := or(and(shr(32, value), mask), shl(32, and(value, mask)))
            mask := 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff
            value := or(and(shr(64, value), mask), shl(64, and(value, mask)))
            value := or(shr(128, value), shl(128, value))
            // The first byte of 32 is lowest now, and those behind `size` are highest.
            let unused := sub(256, shl(3, size))
            value := shr(unused, shl(unused, value))
        }
    }

    /// Every bit that is set in `size` bytes.
    function allOf(uint256 at, uint256 size) private pure returns (uint256 seen) {
        assembly ("memory-safe") {
            let end := add(at, size)
            for { } lt(add(at, 31), end) { at := add(at, 32) } { seen := or(seen, mload(at)) }
            if lt(at, end) { seen := or(seen, shr(sub(256, shl(3, sub(end, at))), mload(at))) }
        }
    }

    function raw64(uint256 at) private pure returns (uint64) {
        return uint64(uint256(wordAt(at)) >> 192);
    }

    function wordAt(uint256 at) private pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := mload(at)
        }
    }
}
