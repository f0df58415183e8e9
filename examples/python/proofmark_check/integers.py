"""Bodies of format 2, which contracts write and read: decimals || rank || dimensions || values, each one word."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .encoding import WORD
from .errors import Malformed

MOST_TENSORS = 256
MOST_DECIMALS = 36
MOST_RANK = 8
MOST_DIMENSION = 2**32 - 1


@dataclass(frozen=True)
class IntegerTensor:
    """A value v stands for v / 10^decimals."""

    decimals: int
    shape: list[int]
    values: list[int]


def encode_integers(tensors: list[IntegerTensor]) -> bytes:
    words: list[int] = []
    for tensor in tensors:
        words += [tensor.decimals, len(tensor.shape), *tensor.shape, *(value % 2**256 for value in tensor.values)]
    return b"".join(word.to_bytes(WORD, "big") for word in words)


def decode_integers(body: bytes) -> list[IntegerTensor]:
    if len(body) % WORD:
        raise Malformed("truncated", "not whole words")
    words = [int.from_bytes(body[at : at + WORD], "big") for at in range(0, len(body), WORD)]
    tensors: list[IntegerTensor] = []
    while words:
        if len(tensors) == MOST_TENSORS:
            raise Malformed("field_invalid", f"more than {MOST_TENSORS} tensors")
        tensor, words = _take(words)
        tensors.append(tensor)
    return tensors


def _take(words: list[int]) -> tuple[IntegerTensor, list[int]]:
    if len(words) < 2 or words[0] > MOST_DECIMALS or words[1] > MOST_RANK or len(words) < 2 + words[1]:
        raise Malformed("field_invalid", "decimals or rank")
    shape = words[2 : 2 + words[1]]
    if not all(1 <= dimension <= MOST_DIMENSION for dimension in shape):
        raise Malformed("field_invalid", "a dimension is zero or above 2^32 - 1")
    start = 2 + len(shape)
    end = start + math.prod(shape)
    if end > len(words):
        raise Malformed("truncated", "values are missing")
    values = [word - 2**256 if word >> 255 else word for word in words[start:end]]
    return IntegerTensor(words[0], shape, values), words[end:]
