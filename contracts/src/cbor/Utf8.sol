// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF; by the rules of wire/codec/utf8.ts.
library Utf8 {
    /// Of `length` bytes of memory from `at` on. Words of plain ASCII are passed 32 bytes at a time.
    function isWellFormed(uint256 at, uint256 length) internal pure returns (bool good) {
        assembly ("memory-safe") {
            let end := add(at, length)
            good := 1
            for { } lt(at, end) { } {
                let word := mload(at)
                let left := sub(end, at)
                // Past the end there are zeros, which continue nothing.
                if lt(left, 32) { word := and(word, not(shr(shl(3, left), not(0)))) }
                if iszero(and(word, 0x8080808080808080808080808080808080808080808080808080808080808080)) {
                    at := add(at, 32)
                    continue
                }
                let lead := byte(0, word)
                if lt(lead, 0x80) {
                    at := add(at, 1)
                    continue
                }
                let size := add(2, add(gt(lead, 0xdf), gt(lead, 0xef)))
                let lowest := 0x80
                let highest := 0xbf
                if eq(lead, 0xe0) { lowest := 0xa0 }
                if eq(lead, 0xed) { highest := 0x9f }
                if eq(lead, 0xf0) { lowest := 0x90 }
                if eq(lead, 0xf4) { highest := 0x8f }
                let second := byte(1, word)
                let bad := or(or(lt(lead, 0xc2), gt(lead, 0xf4)), or(lt(second, lowest), gt(second, highest)))
                if gt(size, 2) { bad := or(bad, xor(and(byte(2, word), 0xc0), 0x80)) }
                if gt(size, 3) { bad := or(bad, xor(and(byte(3, word), 0xc0), 0x80)) }
                if bad {
                    good := 0
                    break
                }
                at := add(at, size)
            }
        }
    }
}
