// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Cbor } from "../cbor/Cbor.sol";
import { CborScan } from "../cbor/CborScan.sol";
import { refuse } from "../der/Refuse.sol";
import { Slice, Slices } from "../der/Slice.sol";

error CoseTag();
error CoseStructure();
error CoseProtectedHeader();
error CoseUnprotectedHeader();
error CosePayload();
error CoseSignatureLength();

/// A COSE_Sign1 message (RFC 9052 section 4.2) with ES384, as an NSM makes it. Not yet verified.
struct CoseSign1 {
    Slice payload;
    /// r || s, 96 bytes.
    Slice signature;
}

/// By the rules and in the order of verifier/codec/cose.ts.
library CoseSign1Reader {
    uint256 private constant TAG_18 = 0xd2;
    uint256 private constant TAG = 6;
    /// The byte string around the map {1: -35}: alg is ES384. Its deterministic form has no other spelling.
    bytes32 private constant PROTECTED_ES384 = bytes32(hex"44a1013822");
    uint256 private constant PAYLOAD_BYTES = 16_384;
    uint256 private constant SIGNATURE_BYTES = 96;

    /// Sig_structure (RFC 9052 section 4.4) up to the payload, without external data.
    bytes32 private constant SIGNATURE1_ES384 = 0x846a5369676e61747572653144a1013822400000000000000000000000000000;
    uint256 private constant SIGNATURE1_BYTES = 18;

    /// The tag is optional (RFC 9052 section 4.2), and no other tag means the same.
    function read(Slice document) internal pure returns (CoseSign1 memory message) {
        if (document.byteAt(0) == TAG_18) document = document.skip(1);
        else if (Cbor.majorOf(document) == TAG) refuse(uint32(CoseTag.selector));
        (uint256 major, uint256 count, Slice[] memory members) = CborScan.scan(document, true, 4);
        if (major != Cbor.ARRAY || count != 4) refuse(uint32(CoseStructure.selector));
        if (!members[0].isExactly(PROTECTED_ES384, 5)) refuse(uint32(CoseProtectedHeader.selector));
        if (!members[1].isExactly(bytes32(hex"a0"), 1)) refuse(uint32(CoseUnprotectedHeader.selector));
        message.payload = byteString(members[2]);
        uint256 size = message.payload.length();
        if (size == 0 || size > PAYLOAD_BYTES) refuse(uint32(CosePayload.selector));
        message.signature = byteString(members[3]);
        if (message.signature.length() != SIGNATURE_BYTES) refuse(uint32(CoseSignatureLength.selector));
    }

    /// Empty where it is something else: neither of the two that are asked for may be empty.
    function byteString(Slice item) private pure returns (Slice) {
        return Cbor.majorOf(item) == Cbor.BYTES ? Cbor.contents(item) : Slice.wrap(0);
    }

    /**
     * The bytes that the signature is over, rebuilt from the received payload, in memory that is free and stays free:
     * nothing may be allocated before they have been hashed.
     */
    function signedInFreeMemory(Slice payload) internal pure returns (Slice) {
        (uint256 from, uint256 size) = (payload.pointer(), payload.length());
        uint256 start;
        uint256 next;
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(start, SIGNATURE1_ES384)
            next := add(start, SIGNATURE1_BYTES)
            // The head of a byte string in its shortest form, which is the form that the scan let through.
            switch gt(size, 0xff)
            case 1 {
                mstore8(next, 0x59)
                mstore8(add(next, 1), shr(8, size))
                mstore8(add(next, 2), size)
                next := add(next, 3)
            }
            default {
                if gt(size, 23) {
                    mstore8(next, 0x58)
                    next := add(next, 1)
                }
                mstore8(next, or(size, mul(0x40, lt(size, 24))))
                next := add(next, 1)
            }
            mcopy(next, from, size)
        }
        return Slices.make(start, next + size - start);
    }
}
