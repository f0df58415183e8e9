// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Der } from "./Der.sol";
import { refuse } from "./Refuse.sol";
import { Slice } from "./Slice.sol";

error CertificateExtension();
error CertificateExtensionDuplicate();

/// What path validation reads. Where `has` is false the rest of that extension says nothing.
struct Extensions {
    bool hasBasicConstraints;
    bool basicConstraintsCritical;
    bool ca;
    bool hasPathLength;
    uint256 pathLength;
    bool hasKeyUsage;
    bool digitalSignature;
    bool keyCertSign;
    /// Empty where the certificate has none: an empty identifier is refused.
    Slice subjectKeyIdentifier;
    Slice authorityKeyIdentifier;
    /// Path validation refuses a certificate with a critical extension that nothing here understands.
    bool hasUnknownCritical;
    /// All of them in a row, for `find`.
    Slice list;
}

/// Extensions by the rules of verifier/codec/x509-extensions.ts.
library X509Extensions {
    uint256 private constant MOST = 32;
    bytes32 private constant SUBJECT_KEY_IDENTIFIER = bytes32(hex"551d0e");
    bytes32 private constant KEY_USAGE = bytes32(hex"551d0f");
    bytes32 private constant BASIC_CONSTRAINTS = bytes32(hex"551d13");
    bytes32 private constant AUTHORITY_KEY_IDENTIFIER = bytes32(hex"551d23");

    struct Known {
        Slice subjectKeyIdentifier;
        Slice keyUsage;
        Slice basicConstraints;
        Slice authorityKeyIdentifier;
        bool hasSubjectKeyIdentifier;
        bool hasAuthorityKeyIdentifier;
    }

    /// [3] EXPLICIT SEQUENCE OF Extension, if it is there.
    function read(Extensions memory result, Slice fields, bool trailingZeroBits) internal pure returns (Slice rest) {
        if (!Der.startsWith(fields, 0xa3)) return fields;
        Slice wrapped;
        (wrapped, rest) = Der.read(fields, 0xa3);
        result.list = Der.only(wrapped, Der.SEQUENCE);
        Known memory known;
        readAll(result, known);
        if (result.hasBasicConstraints) readBasicConstraints(result, known.basicConstraints);
        if (result.hasKeyUsage) readKeyUsage(result, known.keyUsage, trailingZeroBits);
        if (known.hasSubjectKeyIdentifier) {
            result.subjectKeyIdentifier = notEmpty(Der.only(known.subjectKeyIdentifier, Der.OCTET_STRING));
        }
        if (known.hasAuthorityKeyIdentifier) {
            // Only the form with a key identifier; the form with issuer and serial is legal and unused by vendors.
            Slice fields_ = Der.only(known.authorityKeyIdentifier, Der.SEQUENCE);
            result.authorityKeyIdentifier = notEmpty(Der.only(fields_, 0x80));
        }
    }

    /// The contents of the extension of this OID, at most 32 bytes of it; empty bytes where there is none.
    function find(Extensions memory extensions, bytes32 oid, uint256 size) internal pure returns (bool, Slice) {
        Slice rest = extensions.list;
        while (rest.length() != 0) {
            Slice kind;
            Slice value;
            (kind,, value, rest) = next(rest);
            if (kind.isExactly(oid, size)) return (true, value);
        }
        return (false, rest);
    }

    function readAll(Extensions memory result, Known memory known) private pure {
        Slice rest = result.list;
        bytes32[MOST] memory seen;
        uint256 count = 0;
        // An empty list is no list (RFC 5280 section 4.1: 1..MAX), so it fails where the first one is read.
        do {
            Slice oid;
            bool critical;
            Slice value;
            (oid, critical, value, rest) = next(rest);
            bytes32 name = oid.hash();
            for (uint256 i = 0; i < count; i++) {
                if (seen[i] == name) refuse(uint32(CertificateExtensionDuplicate.selector));
            }
            if (count == MOST) refuse(uint32(CertificateExtension.selector));
            seen[count++] = name;
            sort(result, known, oid, critical, value);
        } while (rest.length() != 0);
    }

    function sort(Extensions memory result, Known memory known, Slice oid, bool critical, Slice value) private pure {
        if (oid.isExactly(BASIC_CONSTRAINTS, 3)) {
            result.hasBasicConstraints = true;
            result.basicConstraintsCritical = critical;
            known.basicConstraints = value;
        } else if (oid.isExactly(KEY_USAGE, 3)) {
            result.hasKeyUsage = true;
            known.keyUsage = value;
        } else if (oid.isExactly(SUBJECT_KEY_IDENTIFIER, 3)) {
            known.hasSubjectKeyIdentifier = true;
            known.subjectKeyIdentifier = value;
        } else if (oid.isExactly(AUTHORITY_KEY_IDENTIFIER, 3)) {
            known.hasAuthorityKeyIdentifier = true;
            known.authorityKeyIdentifier = value;
        } else if (critical) {
            result.hasUnknownCritical = true;
        }
    }

    function next(Slice list) private pure returns (Slice oid, bool critical, Slice value, Slice rest) {
        Slice fields;
        (fields, rest) = Der.read(list, Der.SEQUENCE);
        (oid, fields) = Der.read(fields, Der.OID);
        Der.checkOid(oid);
        (critical, fields) = flag(fields);
        (value, fields) = Der.read(fields, Der.OCTET_STRING);
        Der.end(fields);
    }

    /// DER leaves out a value that is the default (X.690 section 11.5): an explicit FALSE is another spelling.
    function flag(Slice fields) private pure returns (bool set, Slice rest) {
        if (!Der.startsWith(fields, Der.BOOLEAN)) return (false, fields);
        Slice value;
        (value, rest) = Der.read(fields, Der.BOOLEAN);
        if (!Der.boolean(value)) refuse(uint32(CertificateExtension.selector));
        set = true;
    }

    function readBasicConstraints(Extensions memory result, Slice value) private pure {
        Slice fields;
        (result.ca, fields) = flag(Der.only(value, Der.SEQUENCE));
        if (!Der.startsWith(fields, Der.INTEGER)) {
            Der.end(fields);
            return;
        }
        Slice length;
        (length, fields) = Der.read(fields, Der.INTEGER);
        Der.end(fields);
        // RFC 5280 section 4.2.1.9: a path length has a meaning only for a CA.
        if (!result.ca) refuse(uint32(CertificateExtension.selector));
        result.hasPathLength = true;
        result.pathLength = Der.count(length);
    }

    /// RFC 5280 section 4.2.1.3: bit 0 signs data, bit 5 signs certificates, and nine bits are defined.
    function readKeyUsage(Extensions memory result, Slice value, bool trailingZeroBits) private pure {
        Slice bits = Der.namedBits(Der.only(value, Der.BIT_STRING), trailingZeroBits);
        uint256 size = bits.length();
        for (uint256 i = 1; i < size; i++) {
            if (bits.byteAt(i) & (i == 1 ? 0x7f : 0xff) != 0) refuse(uint32(CertificateExtension.selector));
        }
        uint256 first = bits.byteAt(0);
        result.digitalSignature = first & 0x80 != 0;
        result.keyCertSign = first & 0x04 != 0;
    }

    function notEmpty(Slice contents) private pure returns (Slice) {
        if (contents.length() == 0) refuse(uint32(CertificateExtension.selector));
        return contents;
    }
}
