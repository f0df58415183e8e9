// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// One row of integers, all of one datatype.
struct RowFormat {
    uint256 bits;
    bool signed;
    uint256 count;
}

/**
 * Rows in their two forms. As a body of format 2 (`TensorLib`): 0 decimals, rank 2, shape [1, count], a word for each value.
 * As elements of the circuit's field (DESIGN section 6): value k of an element is weighted 2^(bits k), with 2^(bits - 1) more
 * where the datatype has signs, and an element has as many as go into 248 bits. Both forms have one spelling, and every
 * other is refused.
 */
library Rows {
    uint256 private constant ELEMENT_BITS = 248;
    uint256 private constant HEADER_BYTES = 128;
    /// Bn254's, again because assembly takes no constant of another library.
    uint256 private constant ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    function isWidth(uint256 bits) internal pure returns (bool) {
        return bits == 8 || bits == 16 || bits == 32 || bits == 64;
    }

    function elementsOf(RowFormat memory format) internal pure returns (uint256) {
        uint256 each = ELEMENT_BITS / format.bits;
        return (format.count + each - 1) / each;
    }

    /**
     * The body whose elements these are, a word each, as many as the format has. Whoever knows the hash of a body brings
     * it in this form, because calldata costs more than to write out what it stands for.
     */
    function unpack(RowFormat memory format, bytes calldata elements)
        internal
        pure
        returns (bool valid, bytes memory body)
    {
        (uint256 bits, uint256 count) = (format.bits, format.count);
        uint256 to;
        unchecked {
            uint256 each = ELEMENT_BITS / bits;
            uint256 last = (count - 1) / each;
            assembly ("memory-safe") {
                body := mload(0x40)
                mstore(body, add(HEADER_BYTES, shl(5, count)))
                mstore(add(body, 0x20), 0)
                mstore(add(body, 0x40), 2)
                mstore(add(body, 0x60), 1)
                mstore(add(body, 0x80), count)
                to := add(body, 0xa0)
                // Room for whole elements, since `spreadBytes` knows no others.
                mstore(0x40, add(to, shl(5, mul(add(last, 1), each))))
            }
            if (bits == 8 && !format.signed) {
                uint256 rest = wordAt(elements, last) >> (8 * (count - each * last));
                return (spreadBytes(elements, last + 1, to) | rest == 0, body);
            }
            uint256 seen;
            uint256 sign = signOf(format);
            for (uint256 i = 0; i <= last; i++) {
                uint256 some = i < last ? each : count - each * last;
                seen |= spread(wordAt(elements, i), bits, sign, to, some);
                to += 32 * some;
            }
            valid = seen == 0;
        }
    }

    /// The elements of a body, where it is one of that format.
    function pack(RowFormat memory format, bytes calldata body)
        internal
        pure
        returns (bool valid, uint256[] memory elements)
    {
        (uint256 bits, uint256 count) = (format.bits, format.count);
        elements = new uint256[](elementsOf(format));
        unchecked {
            if (body.length != HEADER_BYTES + 32 * count || wordAt(body, 0) != 0) return (false, elements);
            if (wordAt(body, 1) != 2 || wordAt(body, 2) != 1 || wordAt(body, 3) != count) return (false, elements);
            uint256 each = ELEMENT_BITS / bits;
            uint256 sign = signOf(format);
            uint256 seen;
            uint256 from;
            assembly ("memory-safe") {
                from := add(body.offset, HEADER_BYTES)
            }
            for (uint256 i = 0; count > 0; i++) {
                uint256 some = count < each ? count : each;
                uint256 values;
                (elements[i], values) = join(from, bits, sign, some);
                seen |= values;
                from += 32 * some;
                count -= some;
            }
            valid = seen >> bits == 0;
        }
    }

    /// The polynomial that has the elements as coefficients, those of the inputs first, and none but zero at zero.
    /// @param inputs one word each, below the field's order
    function evaluate(bytes calldata inputs, uint256[] memory outputs, uint256 point)
        internal
        pure
        returns (uint256 value)
    {
        assembly ("memory-safe") {
            for { let at := add(outputs, shl(5, mload(outputs))) } gt(at, outputs) { at := sub(at, 0x20) } {
                value := mulmod(addmod(value, mload(at), ORDER), point, ORDER)
            }
            for { let at := add(inputs.offset, inputs.length) } gt(at, inputs.offset) { } {
                at := sub(at, 0x20)
                value := mulmod(addmod(value, calldataload(at), ORDER), point, ORDER)
            }
        }
    }

    /// Of whole elements of unsigned bytes, which is what most small models take: written out, because in a loop it costs
    /// a third more.
    /// @return seen zero where they are elements
    function spreadBytes(bytes calldata elements, uint256 count, uint256 to) private pure returns (uint256 seen) {
        assembly ("memory-safe") {
            let from := elements.offset
            for { let end := add(from, shl(5, count)) } lt(from, end) { from := add(from, 0x20) } {
                let element := calldataload(from)
                seen := or(seen, element)
                mstore(to, byte(31, element))
                mstore(add(to, 0x20), byte(30, element))
                mstore(add(to, 0x40), byte(29, element))
                mstore(add(to, 0x60), byte(28, element))
                mstore(add(to, 0x80), byte(27, element))
                mstore(add(to, 0xa0), byte(26, element))
                mstore(add(to, 0xc0), byte(25, element))
                mstore(add(to, 0xe0), byte(24, element))
                mstore(add(to, 0x100), byte(23, element))
                mstore(add(to, 0x120), byte(22, element))
                mstore(add(to, 0x140), byte(21, element))
                mstore(add(to, 0x160), byte(20, element))
                mstore(add(to, 0x180), byte(19, element))
                mstore(add(to, 0x1a0), byte(18, element))
                mstore(add(to, 0x1c0), byte(17, element))
                mstore(add(to, 0x1e0), byte(16, element))
                mstore(add(to, 0x200), byte(15, element))
                mstore(add(to, 0x220), byte(14, element))
                mstore(add(to, 0x240), byte(13, element))
                mstore(add(to, 0x260), byte(12, element))
                mstore(add(to, 0x280), byte(11, element))
                mstore(add(to, 0x2a0), byte(10, element))
                mstore(add(to, 0x2c0), byte(9, element))
                mstore(add(to, 0x2e0), byte(8, element))
                mstore(add(to, 0x300), byte(7, element))
                mstore(add(to, 0x320), byte(6, element))
                mstore(add(to, 0x340), byte(5, element))
                mstore(add(to, 0x360), byte(4, element))
                mstore(add(to, 0x380), byte(3, element))
                mstore(add(to, 0x3a0), byte(2, element))
                mstore(add(to, 0x3c0), byte(1, element))
                to := add(to, 0x3e0)
            }
            seen := shr(ELEMENT_BITS, seen)
        }
    }

    /// Of one element.
    /// @return rest what is left of it behind its values: zero where it is one
    function spread(uint256 element, uint256 bits, uint256 sign, uint256 to, uint256 count)
        private
        pure
        returns (uint256 rest)
    {
        assembly ("memory-safe") {
            let mask := sub(shl(bits, 1), 1)
            for { let end := add(to, shl(5, count)) } lt(to, end) { to := add(to, 0x20) } {
                mstore(to, sub(and(element, mask), sign))
                element := shr(bits, element)
            }
            rest := element
        }
    }

    /// One element of so many values, and all bits that are in any of these.
    function join(uint256 from, uint256 bits, uint256 sign, uint256 count)
        private
        pure
        returns (uint256 element, uint256 seen)
    {
        assembly ("memory-safe") {
            for { let at := add(from, shl(5, count)) } gt(at, from) { } {
                at := sub(at, 0x20)
                // A negative value wraps into the range that it has with its sign added, and others out of it.
                let value := add(calldataload(at), sign)
                seen := or(seen, value)
                element := or(shl(bits, element), value)
            }
        }
    }

    function signOf(RowFormat memory format) private pure returns (uint256) {
        return format.signed ? 1 << (format.bits - 1) : 0;
    }

    function wordAt(bytes calldata words, uint256 index) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(words.offset, shl(5, index)))
        }
    }
}
