// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Der } from "./Der.sol";
import { Slice } from "./Slice.sol";

error CertificateName();

/// Names are compared as received. RDNSequence with one attribute in each part (verifier/codec/x509-name.ts).
library X509Name {
    uint256 private constant ATTRIBUTES = 16;
    /// The tag bit of an element made of elements (X.690 section 8.1.2.5).
    uint256 private constant CONSTRUCTED = 0x20;
    bytes32 private constant COMMON_NAME = bytes32(hex"550403");

    /// The whole name, tag and length with it.
    function read(Slice fields) internal pure returns (Slice name, Slice rest) {
        Slice parts;
        (name, parts, rest) = Der.readWhole(fields, Der.SEQUENCE);
        // An empty issuer would be equal to any other empty subject.
        if (parts.length() == 0) revert CertificateName();
        bool named = false;
        for (uint256 count = 0; parts.length() != 0; count++) {
            if (count == ATTRIBUTES) revert CertificateName();
            Slice part;
            (part, parts) = Der.read(parts, Der.SET);
            bool isCommonName = checkAttribute(part);
            if (isCommonName && named) revert CertificateName();
            named = named || isCommonName;
            if (isCommonName) checkCommonName(part);
        }
    }

    function checkAttribute(Slice part) private pure returns (bool isCommonName) {
        (Slice attribute, Slice others) = Der.read(part, Der.SEQUENCE);
        Der.end(others);
        (Slice kind, Slice rest) = Der.read(attribute, Der.OID);
        Der.checkOid(kind);
        (uint256 tag,, Slice after_) = Der.readAny(rest);
        Der.end(after_);
        if (tag & CONSTRUCTED != 0) revert CertificateName();
        return kind.isExactly(COMMON_NAME, 3);
    }

    /// 1 to 64 printable ASCII characters, so that what rules compare has no look-alikes.
    function checkCommonName(Slice part) private pure {
        (Slice attribute,) = Der.read(part, Der.SEQUENCE);
        (, Slice rest) = Der.read(attribute, Der.OID);
        (uint256 tag, Slice text,) = Der.readAny(rest);
        if (tag != Der.UTF8_STRING && tag != Der.PRINTABLE_STRING) revert CertificateName();
        uint256 size = text.length();
        if (size == 0 || size > 64) revert CertificateName();
        for (uint256 i = 0; i < size; i++) {
            uint256 character = text.byteAt(i);
            if (character < 0x20 || character > 0x7e) revert CertificateName();
        }
    }
}
