// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Der } from "./Der.sol";
import { DerTime } from "./DerTime.sol";
import { refuse } from "./Refuse.sol";
import { Slice } from "./Slice.sol";
import { Extensions, X509Extensions } from "./X509Extensions.sol";
import { X509Keys } from "./X509Keys.sol";
import { X509Name } from "./X509Name.sol";

error CertificateTooLarge();
error CertificateVersion();
error CertificateSerial();
error CertificateAlgorithmMismatch();

/// `Other` is well-formed and of no use here: path validation refuses it.
enum Algorithm {
    Other,
    EcdsaWithSha384,
    RsaPss384
}

enum KeyKind {
    Other,
    P384,
    Rsa4096
}

/// Where vendors differ in what their genuine certificates look like; everything else is one profile for all.
struct Profile {
    /// AMD numbers every endorsement certificate 0.
    bool zeroSerial;
    /// AMD ends the key usage of its intermediates with a zero bit.
    bool trailingZeroBits;
}

/// A certificate that was read and not yet believed. Slices are of the bytes given.
struct Certificate {
    /// What is signed, as received.
    Slice tbs;
    /// Two's complement bytes.
    Slice serial;
    Slice issuer;
    Slice subject;
    /// Characters of the common names, which are 1 to 64 and printable; empty where there is none.
    Slice issuerCommonName;
    Slice subjectCommonName;
    /// Seconds since 1970.
    int64 notBefore;
    int64 notAfter;
    KeyKind keyKind;
    /// x || y of 96 bytes, which nobody has yet put on the curve; or a modulus of 512 bytes.
    Slice key;
    Algorithm algorithm;
    /// The contents of the BIT STRING: X509Keys.ecdsaSignature reads the one kind, and the other is 512 bytes.
    Slice signature;
    Extensions extensions;
}

/**
 * RFC 5280 section 4.1, version 3 only, in the profile that hardware vendors use, by the rules and in the order of
 * verifier/codec/x509.ts. Knows nothing of trust, and leaves to the curve's verifier whether a point is on it.
 */
library X509 {
    uint256 internal constant CERTIFICATE_BYTES = 4096;

    function parse(Slice input, Profile memory profile) internal pure returns (Certificate memory certificate) {
        Slice fields;
        Slice outer;
        Slice signature;
        (certificate.tbs, fields, outer, signature) = unwrap(input);

        fields = checkVersion(fields);
        (certificate.serial, fields) = Der.read(fields, Der.INTEGER);
        checkSerial(certificate.serial, profile.zeroSerial);
        (certificate.algorithm, fields) = readAlgorithm(fields, outer);
        (certificate.issuer, certificate.issuerCommonName, fields) = X509Name.read(fields);
        fields = readValidity(certificate, fields);
        (certificate.subject, certificate.subjectCommonName, fields) = X509Name.read(fields);
        (certificate.keyKind, certificate.key, fields) = X509Keys.read(fields);
        fields = X509Extensions.read(certificate.extensions, fields, profile.trailingZeroBits);
        // Unique identifiers are left over from version 2.
        Der.end(fields);
        certificate.signature = X509Keys.signatureOf(certificate.algorithm, signature);
    }

    /// The three parts of a certificate: what is signed and the elements in it, the algorithm, the signature's bits.
    function unwrap(Slice input) internal pure returns (Slice tbs, Slice fields, Slice algorithm, Slice signature) {
        if (input.length() == 0 || input.length() > CERTIFICATE_BYTES) refuse(uint32(CertificateTooLarge.selector));
        Slice rest = Der.only(input, Der.SEQUENCE);
        (tbs, fields, rest) = Der.readWhole(rest, Der.SEQUENCE);
        (algorithm,, rest) = Der.readWhole(rest, Der.SEQUENCE);
        (signature, rest) = Der.read(rest, Der.BIT_STRING);
        Der.end(rest);
    }

    /// [0] EXPLICIT INTEGER 2; version 1 leaves it out.
    function checkVersion(Slice fields) private pure returns (Slice rest) {
        if (!Der.startsWith(fields, 0xa0)) refuse(uint32(CertificateVersion.selector));
        Slice wrapped;
        (wrapped, rest) = Der.read(fields, 0xa0);
        Slice version = Der.only(wrapped, Der.INTEGER);
        Der.checkInteger(version);
        if (version.length() != 1 || version.byteAt(0) != 2) refuse(uint32(CertificateVersion.selector));
    }

    /// RFC 5280 section 4.1.2.2 counts the number's own 20 bytes; a sign byte may come before them.
    function checkSerial(Slice serial, bool zeroAllowed) private pure {
        Der.checkInteger(serial);
        uint256 first = serial.byteAt(0);
        uint256 size = serial.length();
        // In minimal form only the number 0 is a single zero byte.
        if (first == 0 && size == 1) {
            if (zeroAllowed) return;
            refuse(uint32(CertificateSerial.selector));
        }
        if (first >= 0x80 || (first == 0 ? size - 1 : size) > 20) refuse(uint32(CertificateSerial.selector));
    }

    /// The signed copy of the algorithm is the one that counts, so the other must be the same bytes.
    function readAlgorithm(Slice fields, Slice outer) private pure returns (Algorithm algorithm, Slice rest) {
        Slice inner;
        Slice contents;
        (inner, contents, rest) = Der.readWhole(fields, Der.SEQUENCE);
        if (!inner.equal(outer)) refuse(uint32(CertificateAlgorithmMismatch.selector));
        algorithm = X509Keys.algorithmOf(contents);
    }

    function readValidity(Certificate memory certificate, Slice fields) private pure returns (Slice rest) {
        Slice validity;
        (validity, rest) = Der.read(fields, Der.SEQUENCE);
        (certificate.notBefore, validity) = DerTime.read(validity);
        (certificate.notAfter, validity) = DerTime.read(validity);
        Der.end(validity);
    }
}
