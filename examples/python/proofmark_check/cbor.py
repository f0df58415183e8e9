"""The CBOR that Proofmark speaks (RFC 8949): one spelling of every value, and nothing that two readers could read differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from .errors import Malformed

Value = Union[int, bytes, str, bool, None, "list[Value]", "dict[int | str, Value]"]

MAX_DEPTH = 16
MAX_ITEMS = 16_384
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)
_BREAK = 0xFF
_SIMPLE = {0xF4: False, 0xF5: True, 0xF6: None}
_SMALLEST_OF_WIDTH = (24, 0x100, 0x1_0000, 0x1_0000_0000)


@dataclass(frozen=True)
class Profile:
    """AWS writes maps of indefinite length, with keys in an order of its own; our own bytes do neither."""

    max_bytes: int
    indefinite_maps: bool = False
    any_order: bool = False


def decode(data: bytes, profile: Profile) -> Value:
    if len(data) > profile.max_bytes:
        raise Malformed("too_large", f"{len(data)} bytes where {profile.max_bytes} are allowed")
    reader = _Reader(data, profile)
    value = reader.item(0)
    if reader.at != len(data):
        raise Malformed("trailing_bytes", "more follows the document")
    return value


class _Reader:
    def __init__(self, data: bytes, profile: Profile) -> None:
        self.data = data
        self.profile = profile
        self.at = 0
        self.items = 0

    def item(self, depth: int) -> Value:
        self.items += 1
        if self.items > MAX_ITEMS:
            raise Malformed("cbor_items", f"more than {MAX_ITEMS} items")
        initial = self.peek()
        if initial in _SIMPLE:
            self.at += 1
            return _SIMPLE[initial]
        major, argument = self.head()
        if major == _UNSIGNED:
            return argument
        if major == _NEGATIVE:
            return -1 - argument
        if major == _BYTES:
            return self.take(argument)
        if major == _TEXT:
            return self.text(argument)
        if depth + 1 > MAX_DEPTH:
            raise Malformed("cbor_depth", f"nested deeper than {MAX_DEPTH}")
        return self.array(argument, depth + 1) if major == _ARRAY else self.map(argument, depth + 1)

    def head(self) -> tuple[int, int]:
        """The major type and its argument; -1 is an indefinite length."""
        initial = self.peek()
        major, info = initial >> 5, initial & 0x1F
        if major == _TAG:
            raise Malformed("cbor_tag", "tags are refused")
        if major > _TAG:
            raise Malformed("cbor_type", "only false, true and null are allowed")
        self.at += 1
        if info < 24:
            return major, info
        if info == 31:
            if major != _MAP or not self.profile.indefinite_maps:
                raise Malformed("cbor_indefinite", "an indefinite length is not allowed here")
            return major, -1
        if info > 27:
            raise Malformed("cbor_malformed", f"additional information {info} is reserved")
        argument = int.from_bytes(self.take(1 << (info - 24)), "big")
        if argument < _SMALLEST_OF_WIDTH[info - 24]:
            raise Malformed("cbor_not_minimal", "the head is longer than needed")
        return major, argument

    def text(self, length: int) -> str:
        try:
            value = self.take(length).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("cbor_utf8", "malformed UTF-8") from error
        if value.startswith("\ufeff"):
            raise Malformed("cbor_utf8", "text starts with a byte order mark")
        return value

    def array(self, count: int, depth: int) -> list[Value]:
        self.room(count)
        return [self.item(depth) for _ in range(count)]

    def map(self, count: int, depth: int) -> dict[int | str, Value]:
        self.room(2 * count)
        members: dict[int | str, Value] = {}
        previous: bytes | None = None
        while len(members) != count:
            if count < 0 and self.peek() == _BREAK:
                self.at += 1
                return members
            start = self.at
            key = self.item(depth)
            if isinstance(key, bool) or not isinstance(key, (int, str)):
                raise Malformed("cbor_type", "a key is an integer or text")
            encoded = self.data[start : self.at]
            if key in members:
                raise Malformed("cbor_duplicate_key", "the key occurs twice")
            if not self.profile.any_order and previous is not None and encoded <= previous:
                raise Malformed("cbor_key_order", "keys are not in bytewise order")
            previous = encoded
            members[key] = self.item(depth)
        return members

    def room(self, members: int) -> None:
        if members > len(self.data) - self.at:
            raise Malformed("truncated", f"{members} members are declared and fewer bytes follow")

    def peek(self) -> int:
        if self.at >= len(self.data):
            raise Malformed("truncated", "the document is cut off")
        return self.data[self.at]

    def take(self, length: int) -> bytes:
        if length > len(self.data) - self.at:
            raise Malformed("truncated", f"a string of {length} bytes is cut off")
        value = self.data[self.at : self.at + length]
        self.at += length
        return value


def encode(value: Value) -> bytes:
    """Deterministic encoding (RFC 8949 section 4.2.1)."""
    if value is None or isinstance(value, bool):
        return bytes([{None: 0xF6, True: 0xF5, False: 0xF4}[value]])
    if isinstance(value, int):
        return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
    if isinstance(value, bytes):
        return _head(_BYTES, len(value)) + value
    if isinstance(value, str):
        encoded = value.encode("utf-8")
        return _head(_TEXT, len(encoded)) + encoded
    if isinstance(value, list):
        return _head(_ARRAY, len(value)) + b"".join(encode(item) for item in value)
    members = sorted((encode(key), encode(content)) for key, content in value.items())
    return _head(_MAP, len(members)) + b"".join(key + content for key, content in members)


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    width = next(step for step in range(4) if step == 3 or argument < _SMALLEST_OF_WIDTH[step + 1])
    return bytes([major << 5 | 24 + width]) + argument.to_bytes(1 << width, "big")
