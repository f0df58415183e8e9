// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Cbor } from "../cbor/Cbor.sol";
import { CborScan } from "../cbor/CborScan.sol";
import { refuse } from "../der/Refuse.sol";
import { Slice, Slices } from "../der/Slice.sol";

error DocumentFieldMissing();
error DocumentFieldInvalid();
error DigestUnsupported();
error TimestampInvalid();
error PcrsInvalid();
error CertificatesInvalid();

/// What a Nitro document says about itself. Nobody vouched for any of it yet. A slice of zero is a field left out.
struct NitroDocument {
    Slice moduleId;
    /// Milliseconds since 1970.
    uint256 timestamp;
    /// By index, 48 bytes each; zero where there is none.
    Slice[32] pcrs;
    /// DER of the CA certificates, root first, and of the leaf, whose key signed the document.
    Slice[] certificates;
    /// Absent and null mean the same: AWS's prose forbids null, and every genuine document has it.
    Slice publicKey;
    Slice userData;
    Slice nonce;
    /// There are fields outside AWS's specification. They are signed.
    bool hasUnknownField;
}

/**
 * verifier-checks N8 to N16, by the rules and in the order of verifier/codec/nitro-document.ts. AWS writes the payload
 * map with a definite length until 2025 and an indefinite one since, in an order of its own.
 */
library NitroDocumentReader {
    uint256 private constant PCR_BYTES = 48;
    uint256 private constant PCRS = 32;
    uint256 private constant CERTIFICATE_BYTES = 1_024;
    uint256 private constant BUNDLE = 8;
    uint256 private constant BINDING_BYTES = 1_024;
    uint256 private constant MODULE_ID_BYTES = 128;
    /// Fields that are kept to be read: the nine of the specification, and as many of others as a document may have.
    uint256 private constant FIELDS = 16;

    struct Fields {
        Slice moduleId;
        Slice digest;
        Slice timestamp;
        Slice pcrs;
        Slice certificate;
        Slice cabundle;
        Slice publicKey;
        Slice userData;
        Slice nonce;
    }

    function read(Slice payload) internal pure returns (NitroDocument memory document) {
        (uint256 major, uint256 count, Slice[] memory members) = CborScan.scan(payload, false, 2 * FIELDS);
        if (major != Cbor.MAP) refuse(uint32(DocumentFieldInvalid.selector));
        Fields memory fields;
        document.hasUnknownField = sort(members, count, fields);
        // With one accepted value the digest tells a reader nothing, so it is checked and not kept.
        if (!mandatory(fields.digest).isExactly(bytes32("fSHA384"), 7)) refuse(uint32(DigestUnsupported.selector));
        document.moduleId = readModuleId(mandatory(fields.moduleId));
        document.timestamp = readTimestamp(mandatory(fields.timestamp));
        readPcrs(document.pcrs, mandatory(fields.pcrs));
        Slice leaf = readCertificate(mandatory(fields.certificate));
        document.certificates = readBundle(mandatory(fields.cabundle), leaf);
        document.publicKey = readBinding(fields.publicKey, 1);
        document.userData = readBinding(fields.userData, 0);
        document.nonce = readBinding(fields.nonce, 0);
    }

    /// Names are compared with their heads: a letter of 0x60 and the length.
    function sort(Slice[] memory members, uint256 count, Fields memory fields) private pure returns (bool unknown) {
        // So many fields that some are unknown; the ones behind could be mandatory ones and are not looked for.
        if (count > members.length) (unknown, count) = (true, members.length);
        for (uint256 i = 0; i < count; i += 2) {
            Slice key = members[i];
            if (Cbor.majorOf(key) != Cbor.TEXT) refuse(uint32(DocumentFieldInvalid.selector));
            uint256 size = key.length();
            uint256 name = size > 12 ? 0 : key.prefix(size);
            Slice value = members[i + 1];
            if (name == 0x696d6f64756c655f6964) fields.moduleId = value;
            else if (name == 0x66646967657374) fields.digest = value;
            else if (name == 0x6974696d657374616d70) fields.timestamp = value;
            else if (name == 0x6470637273) fields.pcrs = value;
            else if (name == 0x6b6365727469666963617465) fields.certificate = value;
            else if (name == 0x68636162756e646c65) fields.cabundle = value;
            else if (name == 0x6a7075626c69635f6b6579) fields.publicKey = value;
            else if (name == 0x69757365725f64617461) fields.userData = value;
            else if (name == 0x656e6f6e6365) fields.nonce = value;
            else unknown = true;
        }
    }

    function isAbsent(Slice item) private pure returns (bool) {
        return Slice.unwrap(item) == 0 || Cbor.isNull(item);
    }

    function mandatory(Slice item) private pure returns (Slice) {
        if (isAbsent(item)) refuse(uint32(DocumentFieldMissing.selector));
        return item;
    }

    /// Printable ASCII, as every genuine id is: rules compare it and logs show it.
    function readModuleId(Slice item) private pure returns (Slice id) {
        if (Cbor.majorOf(item) != Cbor.TEXT) refuse(uint32(DocumentFieldInvalid.selector));
        id = Cbor.contents(item);
        uint256 size = id.length();
        if (size == 0 || size > MODULE_ID_BYTES) refuse(uint32(DocumentFieldInvalid.selector));
        for (uint256 i = 0; i < size; i++) {
            uint256 character = id.byteAt(i);
            if (character < 0x21 || character > 0x7e) refuse(uint32(DocumentFieldInvalid.selector));
        }
    }

    function readTimestamp(Slice item) private pure returns (uint256 milliseconds) {
        if (Cbor.majorOf(item) != Cbor.UNSIGNED) refuse(uint32(TimestampInvalid.selector));
        milliseconds = Cbor.unsigned(item);
        // An exact integer in JavaScript too.
        if (milliseconds == 0 || milliseconds >= 1 << 53) refuse(uint32(TimestampInvalid.selector));
    }

    function readPcrs(Slice[32] memory pcrs, Slice item) private pure {
        (uint256 major, uint256 pairs, uint256 at) = Cbor.head(item.pointer());
        if (major != Cbor.MAP) refuse(uint32(PcrsInvalid.selector));
        uint256 end = item.pointer() + item.length();
        // The break of an indefinite length is the last byte.
        if (pairs == type(uint256).max) end--;
        if (at == end) refuse(uint32(PcrsInvalid.selector));
        while (at != end) {
            uint256 index;
            (major, index, at) = Cbor.head(at);
            // Keys differ, so that there are no more than indices.
            if (major != Cbor.UNSIGNED || index >= PCRS) refuse(uint32(PcrsInvalid.selector));
            uint256 size;
            (major, size, at) = Cbor.head(at);
            if (major != Cbor.BYTES || size != PCR_BYTES) refuse(uint32(PcrsInvalid.selector));
            pcrs[index] = Slices.make(at, PCR_BYTES);
            at += PCR_BYTES;
        }
    }

    function readBundle(Slice item, Slice leaf) private pure returns (Slice[] memory certificates) {
        (uint256 major, uint256 count, uint256 at) = Cbor.head(item.pointer());
        if (major != Cbor.ARRAY || count == 0 || count > BUNDLE) refuse(uint32(CertificatesInvalid.selector));
        certificates = new Slice[](count + 1);
        uint256 end = item.pointer() + item.length();
        for (uint256 i = 0; i < count; i++) {
            Slice certificate = readCertificate(Slices.make(at, end - at));
            certificates[i] = certificate;
            at = certificate.pointer() + certificate.length();
        }
        certificates[count] = leaf;
    }

    function readCertificate(Slice item) private pure returns (Slice certificate) {
        if (Cbor.majorOf(item) != Cbor.BYTES) refuse(uint32(CertificatesInvalid.selector));
        certificate = Cbor.contents(item);
        uint256 size = certificate.length();
        if (size == 0 || size > CERTIFICATE_BYTES) refuse(uint32(CertificatesInvalid.selector));
    }

    /// An empty value has a pointer and no length, so that it is not the same as none.
    function readBinding(Slice item, uint256 least) private pure returns (Slice value) {
        if (isAbsent(item)) return Slice.wrap(0);
        if (Cbor.majorOf(item) != Cbor.BYTES) refuse(uint32(DocumentFieldInvalid.selector));
        value = Cbor.contents(item);
        if (value.length() < least || value.length() > BINDING_BYTES) refuse(uint32(DocumentFieldInvalid.selector));
    }
}
