// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { refuse } from "../der/Refuse.sol";
import { Slice, Slices } from "../der/Slice.sol";
import { Utf8 } from "./Utf8.sol";

/// Not one well-formed item of the profile.
error CborInvalid();

/// Where the walk is, and what it counts.
struct CborCursor {
    uint256 at;
    uint256 end;
    uint256 items;
    /// RFC 8949 section 4.2.1: maps of definite length, whose keys ascend bytewise.
    bool deterministic;
}

/**
 * Walks one item and refuses everything that two decoders could read differently, by the rules of
 * wire/codec/cbor-scan.ts: tags, floats, simple values other than false, true and null, heads longer than needed,
 * duplicate keys, keys that are neither integers nor text, malformed UTF-8, indefinite arrays and strings, trailing
 * bytes. Depth and number of items are bounded, and recursion with them. What was walked is then read by `Cbor`.
 */
library CborScan {
    uint256 private constant DEPTH = 16;
    uint256 private constant ITEMS = 16_384;
    uint256 private constant INDEFINITE = type(uint256).max;
    uint256 private constant BREAK = 0xff;

    uint256 private constant NEGATIVE = 1;
    uint256 private constant BYTES = 2;
    uint256 private constant TEXT = 3;
    uint256 private constant ARRAY = 4;
    uint256 private constant MAP = 5;

    /**
     * The whole of `input` is one item. Where it is a map or an array, `count` says how many members it has (a key and
     * its value are two) and `members` holds the first `most` of them, each with its head.
     */
    function scan(Slice input, bool deterministic, uint256 most)
        internal
        pure
        returns (uint256 major, uint256 count, Slice[] memory members)
    {
        uint256 start = input.pointer();
        CborCursor memory cursor = CborCursor(start, start + input.length(), 0, deterministic);
        members = new Slice[](most);
        (major, count) = item(cursor, 0, members);
        if (cursor.at != cursor.end) refuse(uint32(CborInvalid.selector));
    }

    function item(CborCursor memory cursor, uint256 depth, Slice[] memory members)
        private
        pure
        returns (uint256 major, uint256 count)
    {
        uint256 argument;
        (major, argument) = head(cursor);
        if (major < BYTES || major > MAP) return (major, 0);
        if (major < ARRAY) {
            uint256 at = cursor.at;
            if (argument > cursor.end - at) refuse(uint32(CborInvalid.selector));
            cursor.at = at + argument;
            if (major == TEXT) checkText(at, argument);
            return (major, 0);
        }
        if (depth == DEPTH) refuse(uint32(CborInvalid.selector));
        if (major == ARRAY) count = array(cursor, argument, depth + 1, members);
        else count = map(cursor, argument, depth + 1, members);
    }

    /// A byte order mark in front is refused as well: decoders that drop one make two keys of one text.
    function checkText(uint256 at, uint256 length) private pure {
        bool marked = length > 2 && Slices.make(at, 3).prefix(3) == 0xefbbbf;
        if (marked || !Utf8.isWellFormed(at, length)) refuse(uint32(CborInvalid.selector));
    }

    /// The initial byte and the argument in its shortest form (RFC 8949 section 3). Major types 0 to 5, and 7.
    function head(CborCursor memory cursor) private pure returns (uint256 major, uint256 argument) {
        bool wrong;
        assembly ("memory-safe") {
            let at := mload(cursor)
            let end := mload(add(cursor, 0x20))
            let items := add(mload(add(cursor, 0x40)), 1)
            mstore(add(cursor, 0x40), items)
            let word := mload(at)
            let initial := byte(0, word)
            major := shr(5, initial)
            argument := and(initial, 0x1f)
            wrong := or(iszero(lt(at, end)), gt(items, ITEMS))
            at := add(at, 1)
            switch lt(argument, 24)
            case 1 {
                // Major type 7: false, true and null; the rest are floats, reserved or a break out of place.
                if gt(major, MAP) { wrong := or(wrong, or(eq(major, 6), or(lt(argument, 20), gt(argument, 22)))) }
            }
            default {
                switch lt(argument, 28)
                case 1 {
                    let width := shl(sub(argument, 24), 1)
                    argument := shr(sub(256, shl(3, width)), shl(8, word))
                    // What the next shorter form holds: 23, or all ones in half of the bytes.
                    let longest := sub(shl(shl(2, width), 1), 1)
                    if eq(width, 1) { longest := 23 }
                    at := add(at, width)
                    wrong := or(wrong, or(gt(at, end), iszero(gt(argument, longest))))
                    wrong := or(wrong, gt(major, MAP))
                }
                default {
                    // Only a map may have an indefinite length, and only outside the deterministic form.
                    wrong := or(wrong, or(lt(argument, 31), or(xor(major, MAP), mload(add(cursor, 0x60)))))
                    argument := not(0)
                }
            }
            mstore(cursor, at)
        }
        if (wrong) refuse(uint32(CborInvalid.selector));
    }

    function array(CborCursor memory cursor, uint256 count, uint256 depth, Slice[] memory members)
        private
        pure
        returns (uint256)
    {
        if (count > cursor.end - cursor.at) refuse(uint32(CborInvalid.selector));
        Slice[] memory none;
        for (uint256 i = 0; i < count; i++) {
            uint256 start = cursor.at;
            item(cursor, depth, none);
            if (i < members.length) members[i] = Slices.make(start, cursor.at - start);
        }
        return count;
    }

    function map(CborCursor memory cursor, uint256 pairs, uint256 depth, Slice[] memory members)
        private
        pure
        returns (uint256 count)
    {
        if (pairs != INDEFINITE && 2 * pairs > cursor.end - cursor.at) refuse(uint32(CborInvalid.selector));
        Slice[] memory none;
        // Keys seen: integers below 256 as bits, others in a list, or only the last one where they have to ascend.
        uint256 small = 0;
        uint256 others = 0;
        while (!ended(cursor, pairs, count)) {
            uint256 start = cursor.at;
            (uint256 kind,) = item(cursor, depth, none);
            if (kind > NEGATIVE && kind != TEXT) refuse(uint32(CborInvalid.selector));
            Slice key = Slices.make(start, cursor.at - start);
            if (cursor.deterministic) {
                if (others != 0 && !ascends(Slice.wrap(others), key)) refuse(uint32(CborInvalid.selector));
                others = Slice.unwrap(key);
            } else if (kind == 0 && key.length() < 3) {
                // A head of one or two bytes: the last byte is the number.
                uint256 bit = 1 << (key.byteAt(key.length() - 1));
                if (small & bit != 0) refuse(uint32(CborInvalid.selector));
                small |= bit;
            } else {
                others = addToList(others, key);
            }
            if (count < members.length) members[count] = key;
            start = cursor.at;
            item(cursor, depth, none);
            if (count + 1 < members.length) members[count + 1] = Slices.make(start, cursor.at - start);
            count += 2;
        }
    }

    /// Steps over the break that ends a map of indefinite length.
    function ended(CborCursor memory cursor, uint256 pairs, uint256 count) private pure returns (bool) {
        if (pairs != INDEFINITE) return count == 2 * pairs;
        uint256 at = cursor.at;
        if (at >= cursor.end) refuse(uint32(CborInvalid.selector));
        if (Slices.make(at, 1).byteAt(0) != BREAK) return false;
        cursor.at = at + 1;
        return true;
    }

    /// Minimal heads and well-formed text make equal keys equal bytes. An entry is the one before it, and its hash.
    function addToList(uint256 last, Slice key) private pure returns (uint256 added) {
        bytes32 hash = key.hash();
        bool twice = false;
        assembly ("memory-safe") {
            for { let entry := last } entry { entry := mload(entry) } {
                twice := or(twice, eq(mload(add(entry, 0x20)), hash))
            }
            added := mload(0x40)
            mstore(0x40, add(added, 0x40))
            mstore(added, last)
            mstore(add(added, 0x20), hash)
        }
        if (twice) refuse(uint32(CborInvalid.selector));
    }

    function ascends(Slice lower, Slice higher) private pure returns (bool) {
        (uint256 a, uint256 b) = (lower.length(), higher.length());
        for (uint256 i = 0; i < a && i < b; i++) {
            (uint256 left, uint256 right) = (lower.byteAt(i), higher.byteAt(i));
            if (left != right) return left < right;
        }
        return a < b;
    }
}
