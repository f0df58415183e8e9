"""Strict DER (X.690): definite and minimal lengths, one spelling of every value, and no element that nobody read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import Malformed
from .fields import utc_time

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OID = 0x06
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
IA5_STRING = 0x16
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31
CONSTRUCTED = 0x20


@dataclass(frozen=True)
class Element:
    tag: int
    contents: bytes
    """Header and contents, as received."""
    raw: bytes


class Cursor:
    """The elements of some bytes, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def done(self) -> bool:
        return self._at == len(self._data)

    def read(self, tag: int) -> Element:
        if self.done or self._data[self._at] != tag:
            raise error(f"expected tag {tag:#04x}")
        return self.read_any()

    def read_optional(self, tag: int) -> Element | None:
        return self.read_any() if not self.done and self._data[self._at] == tag else None

    def read_any(self) -> Element:
        header, length = _header(self._data[self._at : self._at + 4])
        start, end = self._at, self._at + header + length
        if end > len(self._data):
            raise error("longer than its container")
        self._at = end
        return Element(self._data[start], self._data[start + header : end], self._data[start:end])

    def end(self) -> None:
        if not self.done:
            raise error("trailing bytes")


def context(number: int, constructed: bool) -> int:
    return (0xA0 if constructed else 0x80) | number


def inside(element: Element) -> Cursor:
    return Cursor(element.contents)


def only(data: bytes, tag: int) -> Element:
    cursor = Cursor(data)
    element = cursor.read(tag)
    cursor.end()
    return element


def boolean(element: Element) -> bool:
    if element.contents not in (b"\x00", b"\xff"):
        raise error("a BOOLEAN is 00 or ff")
    return element.contents == b"\xff"


def integer_bytes(element: Element) -> bytes:
    """Two's complement in minimal form."""
    contents = element.contents
    if not contents:
        raise error("an empty INTEGER")
    if len(contents) > 1 and contents[0] in (0x00, 0xFF) and (contents[0] == 0xFF) == (contents[1] >= 0x80):
        raise error("an INTEGER that is not minimal")
    return contents


def unsigned(element: Element) -> bytes:
    """The magnitude of a number that is not negative, without a sign byte."""
    contents = integer_bytes(element)
    if contents[0] >= 0x80:
        raise error("a negative INTEGER")
    return contents[1:] if contents[0] == 0 and len(contents) > 1 else contents


def count(element: Element) -> int:
    magnitude = unsigned(element)
    if len(magnitude) > 2:
        raise error("an INTEGER that is too large here")
    return int.from_bytes(magnitude, "big")


def bit_string_bytes(element: Element) -> bytes:
    if element.contents[:1] != b"\x00":
        raise error("a BIT STRING that does not hold whole bytes")
    return element.contents[1:]


def named_bits(element: Element, trailing_zeros: bool) -> list[bool]:
    """A named-bit list (X.690 section 11.2.2). AMD's intermediates end theirs with a zero bit, which DER leaves out."""
    contents = element.contents
    if len(contents) < 2 or contents[0] > 7:
        raise error("a malformed bit list")
    unused, last = contents[0], contents[-1]
    ends_in_zero = last & (1 << unused) == 0
    if last & ((1 << unused) - 1) != 0 or (ends_in_zero and not trailing_zeros):
        raise error("a bit list that is not minimal")
    return [byte >> shift & 1 == 1 for byte in contents[1:] for shift in range(7, -1, -1)]


def oid(element: Element) -> str:
    arcs: list[int] = []
    value, fresh = 0, True
    for byte in element.contents:
        if fresh and byte == 0x80:
            raise error("an OBJECT IDENTIFIER that is not minimal")
        value = value << 7 | byte & 0x7F
        if value > 0xFFFFFFFF:
            raise error("an OBJECT IDENTIFIER with a large arc")
        fresh = byte < 0x80
        if fresh:
            arcs.extend([min(value // 40, 2), value - 40 * min(value // 40, 2)] if not arcs else [value])
            value = 0
    if not fresh or not arcs:
        raise error("a truncated OBJECT IDENTIFIER")
    return ".".join(map(str, arcs))


def time(element: Element) -> int:
    """RFC 5280 section 4.1.2.5, as milliseconds since 1970."""
    digits = 12 if element.tag == UTC_TIME else 14
    written = element.contents.decode("latin-1")
    if re.fullmatch(rf"[0-9]{{{digits}}}Z", written) is None:
        raise Malformed("certificate_time", "not a date to the second in Z", "C1")
    if element.tag == UTC_TIME:
        written = ("20" if int(written[:2]) < 50 else "19") + written
    elif int(written[:4]) < 2050:
        raise Malformed("certificate_time", "a date that belongs in a UTCTime", "C1")
    moment = utc_time([int(written[:4]), *(int(written[at : at + 2]) for at in range(4, 14, 2))])
    if moment is None:
        raise Malformed("certificate_time", "no such date", "C1")
    return moment


def error(detail: str) -> Malformed:
    return Malformed("der_invalid", detail, "C1")


def _header(head: bytes) -> tuple[int, int]:
    """How long an element's header is, and its contents."""
    if len(head) < 2:
        raise error("truncated")
    if head[0] & 0x1F == 0x1F:
        raise error("a tag of several bytes")
    if head[1] < 0x80:
        return 2, head[1]
    octets = head[1] & 0x7F
    if octets == 0 or octets > 2:
        raise error("an indefinite length, or one of more than two bytes")
    if len(head) < 2 + octets:
        raise error("truncated")
    length = int.from_bytes(head[2 : 2 + octets], "big")
    if length < (0x80 if octets == 1 else 0x100):
        raise error("a length that is not minimal")
    return 2 + octets, length
