// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Der } from "./Der.sol";
import { refuse } from "./Refuse.sol";
import { Slice } from "./Slice.sol";

error CertificateName();

/// Names are compared as received. RDNSequence with one attribute in each part (verifier/codec/x509-name.ts).
library X509Name {
    uint256 private constant ATTRIBUTES = 16;
    /// The tag bit of an element made of elements (X.690 section 8.1.2.5).
    uint256 private constant CONSTRUCTED = 0x20;
    bytes32 private constant COMMON_NAME = bytes32(hex"550403");

    /// The whole name, tag and length with it; and the characters of its common name, none where it has none.
    function read(Slice fields) internal pure returns (Slice name, Slice commonName, Slice rest) {
        Slice parts;
        (name, parts, rest) = Der.readWhole(fields, Der.SEQUENCE);
        // An empty issuer would be equal to any other empty subject.
        if (parts.length() == 0) refuse(uint32(CertificateName.selector));
        for (uint256 count = 0; parts.length() != 0; count++) {
            if (count == ATTRIBUTES) refuse(uint32(CertificateName.selector));
            Slice part;
            (part, parts) = Der.read(parts, Der.SET);
            Slice found = readAttribute(part);
            if (found.length() == 0) continue;
            if (commonName.length() != 0) refuse(uint32(CertificateName.selector));
            commonName = found;
            checkPrintable(found);
        }
    }

    /// The characters of a common name; nothing for other attributes.
    function readAttribute(Slice part) private pure returns (Slice) {
        (Slice attribute, Slice others) = Der.read(part, Der.SEQUENCE);
        Der.end(others);
        (Slice kind, Slice rest) = Der.read(attribute, Der.OID);
        Der.checkOid(kind);
        (uint256 tag, Slice text, Slice after_) = Der.readAny(rest);
        Der.end(after_);
        if (tag & CONSTRUCTED != 0) refuse(uint32(CertificateName.selector));
        if (!kind.isExactly(COMMON_NAME, 3)) return Slice.wrap(0);
        if (tag != Der.UTF8_STRING && tag != Der.PRINTABLE_STRING) refuse(uint32(CertificateName.selector));
        uint256 size = text.length();
        if (size == 0 || size > 64) refuse(uint32(CertificateName.selector));
        return text;
    }

    /// Printable ASCII characters, so that what rules compare has no look-alikes.
    function checkPrintable(Slice text) private pure {
        uint256 size = text.length();
        for (uint256 i = 0; i < size; i++) {
            uint256 character = text.byteAt(i);
            if (character < 0x20 || character > 0x7e) refuse(uint32(CertificateName.selector));
        }
    }
}
