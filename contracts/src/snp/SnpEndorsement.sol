// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Der } from "../der/Der.sol";
import { Slice, Slices } from "../der/Slice.sol";
import { Certificate } from "../der/X509.sol";
import { CertificateExtension } from "../der/X509Extensions.sol";
import { SnpProduct, SnpSigner } from "../evidence/IEvidenceVerifier.sol";
import { SnpProducts } from "./SnpProducts.sol";

/// What AMD writes into the certificate of an endorsement key (57230, VCEK and VLEK extensions).
struct SnpEndorsement {
    /// By the common name alone; None for any other certificate.
    SnpSigner kind;
    /// None where the certificate names no product, or one that is not known.
    SnpProduct product;
    /// The TCB_VERSION that its levels make in the layout of the product line, and whether none of the eight is left out.
    uint64 tcb;
    bool hasTcb;
    /// Of the chip: 64 bytes, or 8 from Turin on.
    bool hasHardwareId;
    Slice hardwareId;
    /// Of the cloud to which AMD lent the key; 1 to 128 printable characters.
    bool hasCspId;
    Slice cspId;
}

/// AMD's extensions by the rules of verifier/codec/snp-certificate.ts.
library SnpEndorsements {
    /// Security patch levels by the number that ends their OID, 1 to 9.
    struct Levels {
        /// Level n is byte n from the lowest.
        uint256 values;
        /// Which of them are written: bit n.
        uint256 written;
    }

    /// 1.3.6.1.4.1.3704.1, and below it 1 structure version, 2 product name, 3.1 to 3.9 levels, 4 HWID, 5 CSP_ID.
    bytes32 private constant AMD = bytes32(hex"2b060104019c7801");
    uint256 private constant AMD_BYTES = 8;
    uint256 private constant IA5_STRING = 0x16;

    /// Of a certificate that X509 has read: every extension is well formed and none comes twice.
    function read(Certificate memory certificate) internal pure returns (SnpEndorsement memory endorsement) {
        endorsement.kind = kindOf(certificate.subjectCommonName);
        Levels memory levels;
        Slice rest = certificate.extensions.list;
        while (rest.length() != 0) {
            Slice extension;
            (extension, rest) = Der.read(rest, Der.SEQUENCE);
            (Slice oid, Slice fields) = Der.read(extension, Der.OID);
            if (!SnpProducts.startsWith(oid, AMD, AMD_BYTES)) continue;
            if (Der.startsWith(fields, Der.BOOLEAN)) (, fields) = Der.read(fields, Der.BOOLEAN);
            (Slice value,) = Der.read(fields, Der.OCTET_STRING);
            readOne(endorsement, levels, oid.skip(AMD_BYTES), value);
        }
        arrange(endorsement, levels);
    }

    function kindOf(Slice commonName) internal pure returns (SnpSigner) {
        if (commonName.isExactly("SEV-VCEK", 8)) return SnpSigner.Vcek;
        return commonName.isExactly("SEV-VLEK", 8) ? SnpSigner.Vlek : SnpSigner.None;
    }

    function readOne(SnpEndorsement memory endorsement, Levels memory levels, Slice arc, Slice value) private pure {
        uint256 size = arc.length();
        if (size == 2 && arc.byteAt(0) == 3) return readLevel(levels, arc.byteAt(1), value);
        if (size != 1) return;
        uint256 number = arc.byteAt(0);
        // Up to Genoa the structure is of version 0, from Turin on 1. Another one may mean something else by it all.
        if (number == 1 && byteIn(value) > 1) revert CertificateExtension();
        if (number == 2) endorsement.product = productIn(text(value));
        // Raw bytes, the only extension that AMD does not wrap in a type of its own.
        if (number == 4) (endorsement.hasHardwareId, endorsement.hardwareId) = (true, value);
        if (number == 5) (endorsement.hasCspId, endorsement.cspId) = (true, text(value));
    }

    function readLevel(Levels memory levels, uint256 number, Slice value) private pure {
        if (number == 0 || number > 9) return;
        levels.values |= byteIn(value) << (8 * number);
        levels.written |= 1 << number;
    }

    function byteIn(Slice value) private pure returns (uint256 number) {
        number = Der.count(Der.only(value, Der.INTEGER));
        if (number > 0xff) revert CertificateExtension();
    }

    function text(Slice value) private pure returns (Slice characters) {
        characters = Der.only(value, IA5_STRING);
        uint256 size = characters.length();
        if (size == 0 || size > 128) revert CertificateExtension();
        for (uint256 i = 0; i < size; i++) {
            uint256 character = characters.byteAt(i);
            if (character < 0x20 || character > 0x7e) revert CertificateExtension();
        }
    }

    /// The silicon stepping may follow the name, as in "Milan-B0".
    function productIn(Slice name) private pure returns (SnpProduct) {
        uint256 size = name.length();
        if (size == SnpProducts.NAME_BYTES) return SnpProducts.named(name);
        if (size != SnpProducts.NAME_BYTES + 3 || name.byteAt(5) != 0x2d) return SnpProduct.None;
        (uint256 letter, uint256 digit) = (name.byteAt(6), name.byteAt(7));
        if (letter < 0x41 || letter > 0x5a || digit < 0x30 || digit > 0x39) return SnpProduct.None;
        return SnpProducts.named(Slices.make(name.pointer(), SnpProducts.NAME_BYTES));
    }

    /// AMD 56860 section 2.2. Bytes that are reserved take part: their levels are in the certificate too.
    function arrange(SnpEndorsement memory endorsement, Levels memory levels) private pure {
        bool turin = endorsement.product == SnpProduct.Turin;
        // The number that ends the OID of each byte: fmc is 9, bootloader 1, tee 2, snp 3, microcode 8.
        bytes8 layout = turin ? bytes8(hex"0901020305060708") : bytes8(hex"0102040506070308");
        uint64 tcb = 0;
        bool all = true;
        for (uint256 i = 0; i < 8; i++) {
            uint256 number = uint8(layout[i]);
            tcb = (tcb << 8) | uint8(levels.values >> (8 * number));
            all = all && (levels.written >> number) & 1 == 1;
        }
        (endorsement.tcb, endorsement.hasTcb) = (tcb, all);
    }
}
