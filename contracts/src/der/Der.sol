// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { refuse } from "./Refuse.sol";
import { Slice, Slices } from "./Slice.sol";

/// Not DER, or not the DER that belongs here.
error DerInvalid();

/**
 * Strict DER (X.690 sections 8, 10, 11): definite and minimal lengths, one spelling of every value. The rules are those
 * of verifier/codec/der.ts, one by one. A reader takes a slice of elements in a row, and returns the contents of the
 * first with the slice of those after it: depth is fixed by the code, and no byte is walked twice.
 */
library Der {
    uint256 internal constant BOOLEAN = 0x01;
    uint256 internal constant INTEGER = 0x02;
    uint256 internal constant BIT_STRING = 0x03;
    uint256 internal constant OCTET_STRING = 0x04;
    uint256 internal constant NULL = 0x05;
    uint256 internal constant OID = 0x06;
    uint256 internal constant UTF8_STRING = 0x0c;
    uint256 internal constant PRINTABLE_STRING = 0x13;
    uint256 internal constant UTC_TIME = 0x17;
    uint256 internal constant GENERALIZED_TIME = 0x18;
    uint256 internal constant SEQUENCE = 0x30;
    uint256 internal constant SET = 0x31;

    /// The first element, which must have this tag.
    function read(Slice cursor, uint256 tag) internal pure returns (Slice contents, Slice rest) {
        uint256 found;
        (found, contents, rest) = readAny(cursor);
        if (found != tag) refuse(uint32(DerInvalid.selector));
    }

    /// The same, with its tag and length bytes.
    function readWhole(Slice cursor, uint256 tag) internal pure returns (Slice whole, Slice contents, Slice rest) {
        (contents, rest) = read(cursor, tag);
        whole = Slices.make(cursor.pointer(), cursor.length() - rest.length());
    }

    /// The first element whatever its tag; tags of one byte only.
    function readAny(Slice cursor) internal pure returns (uint256 tag, Slice contents, Slice rest) {
        bool bad;
        assembly ("memory-safe") {
            let at := shr(64, cursor)
            let available := and(cursor, 0xffffffffffffffff)
            // What of the header lies behind the slice is somebody else's, and refused with it below.
            let head := mload(at)
            tag := byte(0, head)
            bad := or(lt(available, 2), eq(and(tag, 0x1f), 0x1f))
            let size := byte(1, head)
            let header := 2
            if gt(size, 0x7f) {
                // 0x80 is the indefinite length. Certificates are far below 64 KiB, so two length bytes are plenty.
                bad := or(bad, iszero(eq(shr(1, add(size, 1)), 0x41)))
                header := sub(size, 0x7e)
                size := shr(shl(3, sub(4, header)), and(0xffff, shr(224, head)))
                // The shortest form: from 0x80 on with one byte, from 0x100 on with two.
                bad := or(bad, lt(size, shl(sub(header, 3), 0x80)))
            }
            let whole := add(header, size)
            bad := or(bad, gt(whole, available))
            contents := or(shl(64, add(at, header)), size)
            rest := or(shl(64, add(at, whole)), sub(available, whole))
        }
        if (bad) refuse(uint32(DerInvalid.selector));
    }

    function startsWith(Slice cursor, uint256 tag) internal pure returns (bool) {
        return cursor.length() != 0 && cursor.byteAt(0) == tag;
    }

    /// Refuses elements that nobody read.
    function end(Slice cursor) internal pure {
        if (cursor.length() != 0) refuse(uint32(DerInvalid.selector));
    }

    /// The contents of the one element of this tag that makes up the whole slice.
    function only(Slice slice, uint256 tag) internal pure returns (Slice contents) {
        Slice rest;
        (contents, rest) = read(slice, tag);
        end(rest);
    }

    function boolean(Slice contents) internal pure returns (bool) {
        if (contents.length() != 1) refuse(uint32(DerInvalid.selector));
        uint256 value = contents.byteAt(0);
        if (value != 0x00 && value != 0xff) refuse(uint32(DerInvalid.selector));
        return value == 0xff;
    }

    /// Refuses two's complement bytes that are not in minimal form.
    function checkInteger(Slice contents) internal pure {
        uint256 size = contents.length();
        if (size == 0) refuse(uint32(DerInvalid.selector));
        if (size == 1) return;
        uint256 start = contents.prefix(2);
        if (start < 0x80 || start >= 0xff80) refuse(uint32(DerInvalid.selector));
    }

    /// The magnitude of a non-negative INTEGER, without the sign byte.
    function unsigned(Slice contents) internal pure returns (Slice) {
        checkInteger(contents);
        uint256 first = contents.byteAt(0);
        if (first >= 0x80) refuse(uint32(DerInvalid.selector));
        return first == 0 && contents.length() > 1 ? contents.skip(1) : contents;
    }

    /// An INTEGER small enough to count with.
    function count(Slice contents) internal pure returns (uint256) {
        Slice magnitude = unsigned(contents);
        if (magnitude.length() > 2) refuse(uint32(DerInvalid.selector));
        return magnitude.prefix(magnitude.length());
    }

    /// A BIT STRING that holds whole bytes, as keys and signatures do.
    function wholeBytes(Slice contents) internal pure returns (Slice) {
        if (contents.length() == 0 || contents.byteAt(0) != 0) refuse(uint32(DerInvalid.selector));
        return contents.skip(1);
    }

    /**
     * The bytes of a named-bit list, bit 0 first (X.690 section 11.2.2): unused bits are zero and trailing zero bits are
     * left out, except where `trailingZeros` lets them be: AMD's intermediate certificates have one.
     */
    function namedBits(Slice contents, bool trailingZeros) internal pure returns (Slice) {
        uint256 size = contents.length();
        if (size < 2) refuse(uint32(DerInvalid.selector));
        uint256 unused = contents.byteAt(0);
        uint256 last = contents.byteAt(size - 1);
        if (unused > 7 || last & ((1 << unused) - 1) != 0) refuse(uint32(DerInvalid.selector));
        if (!trailingZeros && last & (1 << unused) == 0) refuse(uint32(DerInvalid.selector));
        return contents.skip(1);
    }

    /// Refuses arcs that are not minimal, above 2^32 - 1 or cut short; names are then compared as bytes.
    function checkOid(Slice contents) internal pure {
        uint256 size = contents.length();
        if (size == 0) refuse(uint32(DerInvalid.selector));
        if (size < 32 && isPlainOid(contents, size)) return;
        uint256 value = 0;
        bool fresh = true;
        for (uint256 i = 0; i < size; i++) {
            uint256 octet = contents.byteAt(i);
            if (fresh && octet == 0x80) refuse(uint32(DerInvalid.selector));
            value = (value << 7) | (octet & 0x7f);
            if (value > type(uint32).max) refuse(uint32(DerInvalid.selector));
            fresh = octet < 0x80;
            if (fresh) value = 0;
        }
        if (!fresh) refuse(uint32(DerInvalid.selector));
    }

    /**
     * Whether below 32 bytes, all at once, obviously pass: the last one ends its arc, every arc has four bytes at most,
     * and none contains a byte 0x80 (which is wrong at the start of an arc only). True of every OID that vendors use.
     */
    function isPlainOid(Slice contents, uint256 size) private pure returns (bool plain) {
        assembly ("memory-safe") {
            let unused := sub(256, shl(3, size))
            // Bytes behind the last one are zero and count as arcs of their own.
            let octets := shl(unused, shr(unused, mload(shr(64, contents))))
            let high := 0x8080808080808080808080808080808080808080808080808080808080808080
            let low := 0x7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f
            let more := and(octets, high)
            // A byte whose seven bits are not all zero carries into its highest.
            let some := and(add(and(octets, low), low), high)
            let long := and(and(more, shl(8, more)), and(shl(16, more), shl(24, more)))
            let cut := and(more, shl(unused, 0x80))
            plain := iszero(or(and(more, not(some)), or(long, cut)))
        }
    }
}
