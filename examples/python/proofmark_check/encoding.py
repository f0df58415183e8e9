"""Text of one spelling, and the 32-byte words that everything signed or hashed is made of."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import Malformed

WORD = 32


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def from_hex(text: str, length: int | None = None) -> bytes:
    if re.fullmatch(r"(?:[0-9a-f]{2})*", text) is None:
        raise Malformed("hex_invalid", "not lower-case hex")
    value = bytes.fromhex(text)
    if length is not None and len(value) != length:
        raise Malformed("hex_invalid", f"expected {length} bytes, got {len(value)}")
    return value


def from_base64url(text: str) -> bytes:
    if re.fullmatch(r"[A-Za-z0-9_-]*", text) is None:
        raise Malformed("base64url_invalid", "a character outside the alphabet")
    try:
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise Malformed("base64url_invalid", "an impossible length") from error
    # The last character can carry bits that decode to nothing: one value has one spelling.
    if to_base64url(value) != text:
        raise Malformed("base64url_invalid", "unused bits are not zero")
    return value


def to_base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def tag_word(tag: str) -> bytes:
    encoded = tag.encode("ascii")
    if not 1 <= len(encoded) <= WORD:
        raise ValueError("a tag has 1 to 32 characters")
    return encoded.ljust(WORD, b"\0")


def uint_word(value: int, bits: int = 256) -> bytes:
    if value < 0 or value >> bits != 0:
        raise Malformed("integer_out_of_range", f"not an unsigned integer of {bits} bits")
    return value.to_bytes(WORD, "big")


def address_word(address: bytes) -> bytes:
    if len(address) != 20:
        raise Malformed("word_invalid", "an address has 20 bytes")
    return address.rjust(WORD, b"\0")


def bytes_word(value: bytes) -> bytes:
    if len(value) != WORD:
        raise Malformed("word_invalid", f"expected 32 bytes, got {len(value)}")
    return value


@dataclass(frozen=True)
class Field:
    """One word of a layout: `bits` is the width of an integer, 0 for 32 raw bytes, -1 for an address."""

    name: str
    bits: int


def raw(name: str) -> Field:
    return Field(name, 0)


def address(name: str) -> Field:
    return Field(name, -1)


def uint(name: str, bits: int = 256) -> Field:
    return Field(name, bits)


Layout = Sequence[Field]
Words = Mapping[str, "int | bytes"]


def encode_words(layout: Layout, values: Words) -> bytes:
    return b"".join(_encode(field, values[field.name]) for field in layout)


def decode_words(layout: Layout, data: bytes) -> dict[str, int | bytes]:
    """Exactly one record: other lengths, bits beyond a width and dirty padding are refused."""
    length = WORD * len(layout)
    if len(data) != length:
        raise Malformed("truncated" if len(data) < length else "trailing_bytes", f"expected {length} bytes")
    return {field.name: _decode(field, data[WORD * i : WORD * (i + 1)]) for i, field in enumerate(layout)}


def number(record: Words, name: str) -> int:
    value = record[name]
    assert isinstance(value, int)
    return value


def octets(record: Words, name: str) -> bytes:
    value = record[name]
    assert isinstance(value, bytes)
    return value


def _encode(field: Field, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return uint_word(value, field.bits)
    return address_word(value) if field.bits == -1 else bytes_word(value)


def _decode(field: Field, word: bytes) -> int | bytes:
    if field.bits == 0:
        return word
    if field.bits == -1:
        if any(word[:12]):
            raise Malformed("word_invalid", f"the padding of {field.name} is not zero")
        return word[12:]
    value = int.from_bytes(word, "big")
    if value >> field.bits != 0:
        raise Malformed("integer_out_of_range", f"{field.name} has more than {field.bits} bits")
    return value
