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
        uint256 each = ELEMENT_BITS / bits;
        uint256 sign = signOf(format);
        // A word more than is kept: `spreadBytes` writes one too many.
        body = new bytes(HEADER_BYTES + 32 * (count + 1));
        uint256 to;
        assembly ("memory-safe") {
            mstore(body, sub(mload(body), 0x20))
            mstore(add(body, 0x40), 2)
            mstore(add(body, 0x60), 1)
            mstore(add(body, 0x80), count)
            to := add(body, 0xa0)
        }
        uint256 from;
        uint256 seen;
        if (bits == 8 && sign == 0) {
            from = count / each;
            seen = spreadBytes(elements, from, to);
            to += 32 * each * from;
            count -= each * from;
        }
        while (count > 0) {
            uint256 some = count < each ? count : each;
            seen |= spread(wordAt(elements, from++), bits, sign, to, some);
            to += 32 * some;
            count -= some;
        }
        valid = seen == 0;
    }

    /// The elements of a body, where it is one of that format.
    function pack(RowFormat memory format, bytes calldata body)
        internal
        pure
        returns (bool valid, uint256[] memory elements)
    {
        (uint256 bits, uint256 count) = (format.bits, format.count);
        elements = new uint256[](elementsOf(format));
        if (body.length != HEADER_BYTES + 32 * count) return (false, elements);
        if (wordAt(body, 0) != 0 || wordAt(body, 1) != 2 || wordAt(body, 2) != 1) return (false, elements);
        if (wordAt(body, 3) != count) return (false, elements);
        uint256 each = ELEMENT_BITS / bits;
        uint256 sign = signOf(format);
        uint256 seen;
        unchecked {
            for (uint256 i = count; i > 0; i--) {
                // A negative value wraps into the range that it has with its sign added, and others out of it.
                uint256 value = wordAt(body, 3 + i) + sign;
                seen |= value;
                uint256 place = (i - 1) / each;
                elements[place] = (elements[place] << bits) | value;
            }
        }
        valid = seen >> bits == 0;
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

    /// Of whole elements of unsigned bytes, which is what most small models take.
    /// @return seen zero where they are elements
    function spreadBytes(bytes calldata elements, uint256 count, uint256 to) private pure returns (uint256 seen) {
        assembly ("memory-safe") {
            let from := elements.offset
            for { let end := add(from, shl(5, count)) } lt(from, end) { from := add(from, 0x20) } {
                let element := calldataload(from)
                seen := or(seen, element)
                // Four times eight, although there are 31: the last is the zero that the next element writes over.
                for { let last := add(to, 0x400) } lt(to, last) { to := add(to, 0x100) } {
                    mstore(to, byte(31, element))
                    mstore(add(to, 0x20), byte(30, element))
                    mstore(add(to, 0x40), byte(29, element))
                    mstore(add(to, 0x60), byte(28, element))
                    mstore(add(to, 0x80), byte(27, element))
                    mstore(add(to, 0xa0), byte(26, element))
                    mstore(add(to, 0xc0), byte(25, element))
                    mstore(add(to, 0xe0), byte(24, element))
                    element := shr(64, element)
                }
                to := sub(to, 0x20)
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

    function signOf(RowFormat memory format) private pure returns (uint256) {
        return format.signed ? 1 << (format.bits - 1) : 0;
    }

    function wordAt(bytes calldata words, uint256 index) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(words.offset, shl(5, index)))
        }
    }
}
