// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Slice, Slices } from "../der/Slice.sol";
import { Algorithm, Certificate, KeyKind } from "../der/X509.sol";

/**
 * What is kept of a certificate that was verified: one word, in which the signed part is described and not repeated.
 * Its bytes come again with every document, and their hash names the record, so that offsets into them stay true.
 */
library CertificateRecord {
    // Bits: 40 not before, 40 not after, then offset and length of subject, common name and key identifier, the offset
    // of the key and the path length, 16 each; and flags. Nitro's certificates have at most 1,024 bytes.
    uint256 private constant NOT_AFTER = 40;
    uint256 private constant SUBJECT = 80;
    uint256 private constant COMMON_NAME = 112;
    uint256 private constant KEY_IDENTIFIER = 144;
    uint256 private constant KEY = 176;
    uint256 private constant PATH_LENGTH = 192;
    uint256 private constant HAS_PATH_LENGTH = 1 << 208;
    uint256 private constant LEAF = 1 << 209;
    /// No record is zero.
    uint256 private constant KNOWN = 1 << 255;

    uint256 private constant KEY_BYTES = 96;

    /// Of a certificate that stood every rule, as an issuer or as a leaf.
    function pack(Certificate memory certificate, bool leaf) internal pure returns (uint256 record) {
        Slice tbs = certificate.tbs;
        record = KNOWN | (leaf ? LEAF : 0);
        record |= seconds_(certificate.notBefore) | (seconds_(certificate.notAfter) << NOT_AFTER);
        record |= part(tbs, certificate.subject) << SUBJECT;
        record |= part(tbs, certificate.subjectCommonName) << COMMON_NAME;
        record |= part(tbs, certificate.extensions.subjectKeyIdentifier) << KEY_IDENTIFIER;
        record |= (certificate.key.pointer() - tbs.pointer()) << KEY;
        if (certificate.extensions.hasPathLength) {
            record |= HAS_PATH_LENGTH | (certificate.extensions.pathLength << PATH_LENGTH);
        }
    }

    /**
     * The certificate again, as far as path rules look at it: those that ask about it alone were answered when it was
     * learned, and those that ask about time or about others find what they need. `issuer` is the one that it was
     * verified under.
     */
    function unpack(uint256 record, Slice tbs, Certificate memory issuer)
        internal
        pure
        returns (Certificate memory certificate)
    {
        bool leaf = isLeaf(record);
        certificate.tbs = tbs;
        certificate.issuer = issuer.subject;
        certificate.subject = partOf(tbs, record >> SUBJECT);
        certificate.subjectCommonName = partOf(tbs, record >> COMMON_NAME);
        certificate.notBefore = int64(uint64(record & 0xffffffffff));
        certificate.notAfter = int64(uint64((record >> NOT_AFTER) & 0xffffffffff));
        certificate.keyKind = KeyKind.P384;
        certificate.key = Slices.make(tbs.pointer() + ((record >> KEY) & 0xffff), KEY_BYTES);
        certificate.algorithm = Algorithm.EcdsaWithSha384;
        certificate.extensions.basicConstraintsCritical = !leaf;
        certificate.extensions.ca = !leaf;
        certificate.extensions.hasKeyUsage = true;
        certificate.extensions.digitalSignature = leaf;
        certificate.extensions.keyCertSign = !leaf;
        certificate.extensions.subjectKeyIdentifier = partOf(tbs, record >> KEY_IDENTIFIER);
        certificate.extensions.hasPathLength = record & HAS_PATH_LENGTH != 0;
        certificate.extensions.pathLength = (record >> PATH_LENGTH) & 0xffff;
    }

    /// The root is nobody's subject, and its own issuer's name is asked by nobody.
    function unpackRoot(uint256 record, Slice tbs) internal pure returns (Certificate memory) {
        Certificate memory nobody;
        return unpack(record, tbs, nobody);
    }

    function isLeaf(uint256 record) internal pure returns (bool) {
        return record & LEAF != 0;
    }

    /// Years go to 9999, which is below 2^40 seconds; what began before 1970 began long ago.
    function seconds_(int64 time) private pure returns (uint256) {
        return time < 0 ? 0 : uint256(uint64(time));
    }

    /// Offset and length, 16 bits each; zero for none.
    function part(Slice whole, Slice slice) private pure returns (uint256) {
        if (slice.length() == 0) return 0;
        return (slice.pointer() - whole.pointer()) | (slice.length() << 16);
    }

    function partOf(Slice whole, uint256 packed) private pure returns (Slice) {
        return Slices.make(whole.pointer() + (packed & 0xffff), (packed >> 16) & 0xffff);
    }
}
