// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// Integers with stated decimals: `values[i]` stands for values[i] / 10^decimals. Row-major.
struct IntegerTensor {
    uint8 decimals;
    uint32[] shape;
    int256[] values;
}

/**
 * Bodies of format 2 (DESIGN section 4, "ABI integers"). A body is its tensors one behind the other, in the order of the
 * release's inputs or outputs, and nothing else; a tensor is
 *
 *     decimals || rank || dimension, `rank` times || value, as often as the dimensions multiply to
 *
 * Each of these is one 32-byte word: decimals (0 to 36), rank (0 to 8) and dimensions (1 to 2^32 - 1) unsigned, a value
 * an int256. A rank of zero has one value. One list of tensors has one spelling, and every other is refused. A model's
 * floats are answered with 18 decimals, rounded half to even; there is no way to write NaN or infinity, and a worker whose
 * model gave one has not answered. `wire/message/integers.ts` is the other end, with golden vectors.
 */
library TensorLib {
    uint256 internal constant MOST_DECIMALS = 36;
    uint256 internal constant MOST_DIMENSIONS = 8;
    uint256 internal constant MOST_TENSORS = 256;

    error BodyInvalid();
    error TensorInvalid();
    /// Other decimals, another shape or another number of tensors than the caller expects.
    error TensorUnexpected();
    error ValueOutOfBounds(uint256 index, int256 value);

    function encode(IntegerTensor[] memory tensors) internal pure returns (bytes memory body) {
        if (tensors.length > MOST_TENSORS) revert BodyInvalid();
        for (uint256 i = 0; i < tensors.length; i++) {
            body = bytes.concat(body, encode(tensors[i]));
        }
    }

    function encode(IntegerTensor memory tensor) internal pure returns (bytes memory) {
        uint256 rank = tensor.shape.length;
        if (tensor.decimals > MOST_DECIMALS || rank > MOST_DIMENSIONS) revert TensorInvalid();
        uint256 count = 1;
        for (uint256 i = 0; i < rank; i++) {
            count *= tensor.shape[i];
            // Also what keeps the product from growing beyond a word.
            if (count == 0 || count > tensor.values.length) revert TensorInvalid();
        }
        if (count != tensor.values.length) revert TensorInvalid();
        // Packed elements of arrays are whole words.
        return abi.encodePacked(uint256(tensor.decimals), rank, tensor.shape, tensor.values);
    }

    /// A body of one tensor of this shape.
    function encode(uint8 decimals, uint32[] memory shape, int256[] memory values)
        internal
        pure
        returns (bytes memory)
    {
        return encode(IntegerTensor(decimals, shape, values));
    }

    function decode(bytes calldata body) internal pure returns (IntegerTensor[] memory tensors) {
        if (body.length % 32 != 0) revert BodyInvalid();
        uint256 words = body.length / 32;
        uint256 count = 0;
        for (uint256 at = 0; at < words; count++) {
            (,, uint256 first, uint256 length) = header(body, at);
            at = first + length;
        }
        if (count > MOST_TENSORS) revert BodyInvalid();
        tensors = new IntegerTensor[](count);
        uint256 next = 0;
        for (uint256 i = 0; i < count; i++) {
            (tensors[i], next) = tensorAt(body, next);
        }
    }

    /// The values of the one tensor that a body holds, which must have these decimals and this shape.
    function decode(bytes calldata body, uint8 decimals, uint32[] memory shape)
        internal
        pure
        returns (int256[] memory values)
    {
        if (body.length % 32 != 0) revert BodyInvalid();
        (IntegerTensor memory tensor, uint256 next) = tensorAt(body, 0);
        if (next != body.length / 32 || tensor.decimals != decimals) revert TensorUnexpected();
        if (keccak256(abi.encodePacked(tensor.shape)) != keccak256(abi.encodePacked(shape))) revert TensorUnexpected();
        return tensor.values;
    }

    /// Refuses any value below `least` or above `most`. What a model never should answer, a consumer should never take.
    function requireWithin(int256[] memory values, int256 least, int256 most) internal pure {
        for (uint256 i = 0; i < values.length; i++) {
            if (values[i] < least || values[i] > most) revert ValueOutOfBounds(i, values[i]);
        }
    }

    function tensorAt(bytes calldata body, uint256 at)
        private
        pure
        returns (IntegerTensor memory tensor, uint256 next)
    {
        (uint256 decimals, uint256 rank, uint256 first, uint256 length) = header(body, at);
        tensor.decimals = uint8(decimals);
        tensor.shape = new uint32[](rank);
        for (uint256 i = 0; i < rank; i++) {
            tensor.shape[i] = uint32(word(body, at + 2 + i));
        }
        tensor.values = new int256[](length);
        for (uint256 i = 0; i < length; i++) {
            tensor.values[i] = int256(word(body, first + i));
        }
        next = first + length;
    }

    /// @return decimals of the tensor that starts at word `at`
    /// @return rank how many dimensions follow
    /// @return first where its values start
    /// @return length how many there are: never more than the body has, so that nothing is allocated for a claim
    function header(bytes calldata body, uint256 at)
        private
        pure
        returns (uint256 decimals, uint256 rank, uint256 first, uint256 length)
    {
        uint256 words = body.length / 32;
        if (words < at + 2) revert BodyInvalid();
        decimals = word(body, at);
        rank = word(body, at + 1);
        if (decimals > MOST_DECIMALS || rank > MOST_DIMENSIONS) revert TensorInvalid();
        first = at + 2 + rank;
        if (first > words) revert BodyInvalid();
        length = 1;
        for (uint256 i = 0; i < rank; i++) {
            uint256 dimension = word(body, at + 2 + i);
            if (dimension == 0 || dimension > type(uint32).max) revert TensorInvalid();
            length *= dimension;
            if (length > words - first) revert BodyInvalid();
        }
        if (length > words - first) revert BodyInvalid();
    }

    function word(bytes calldata body, uint256 index) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(add(body.offset, shl(5, index)))
        }
    }
}
