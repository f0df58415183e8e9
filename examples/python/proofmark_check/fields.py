"""Readers of exact shape for parsed JSON and CBOR. A field that a shape does not list is refused; none may be left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar, Union

from .encoding import from_base64url, from_hex
from .errors import Malformed

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
Reader = Callable[[object], T]
LARGEST_EXACT = 2**53 - 1


def shape(readers: Mapping[str, Reader[Any]]) -> Reader[dict[str, Any]]:
    def read(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _invalid("an object is expected")
        unknown = [name for name in value if name not in readers]
        if unknown:
            raise Malformed("field_unknown", repr(unknown[0])[:64])
        missing = [name for name in readers if name not in value]
        if missing:
            raise Malformed("field_missing", missing[0])
        return {name: reader(value[name]) for name, reader in readers.items()}

    return read


def array(item: Reader[T], least: int, most: int) -> Reader[list[T]]:
    def read(value: object) -> list[T]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise _invalid(f"a list of {least} to {most} is expected")
        return [item(element) for element in value]

    return read


def text(least: int, most: int, pattern: str | None = None) -> Reader[str]:
    """Bounds count bytes of UTF-8; the pattern is for the whole text."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise _invalid("text is expected")
        if re.search("[\ud800-\udfff]", value):
            raise _invalid("a lone surrogate")
        if not least <= len(value.encode("utf-8")) <= most:
            raise _invalid(f"{least} to {most} bytes are expected")
        if pattern is not None and re.fullmatch(pattern, value, re.ASCII) is None:
            raise _invalid(f"does not match {pattern}")
        return value

    return read


def integer(least: int, most: int) -> Reader[int]:
    def read(value: object) -> int:
        number = _whole(value)
        if number is None or not least <= number <= most:
            raise _invalid(f"an integer of {least} to {most} is expected")
        return number

    return read


def decimal(bits: int) -> Reader[int]:
    def read(value: object) -> int:
        if not isinstance(value, str) or re.fullmatch(r"0|[1-9][0-9]{0,77}", value, re.ASCII) is None:
            raise _invalid("a decimal integer as text is expected")
        number = int(value)
        if number >> bits != 0:
            raise _invalid(f"more than {bits} bits")
        return number

    return read


def octets(least: int, most: int | None = None) -> Reader[bytes]:
    def read(value: object) -> bytes:
        if not isinstance(value, bytes):
            raise _invalid("bytes are expected")
        return _sized(value, least, most)

    return read


def hex_bytes(length: int) -> Reader[bytes]:
    def read(value: object) -> bytes:
        if not isinstance(value, str):
            raise _invalid("hex text is expected")
        return from_hex(value, length)

    return read


def base64url(least: int, most: int | None = None) -> Reader[bytes]:
    def read(value: object) -> bytes:
        if not isinstance(value, str):
            raise _invalid("base64url text is expected")
        return _sized(from_base64url(value), least, most)

    return read


def uint_of_word(bits: int) -> Reader[int]:
    """CBOR's own integers end at 64 bits; a price in a token's smallest unit may not."""

    def read(value: object) -> int:
        number = int.from_bytes(octets(32)(value), "big")
        if number >> bits != 0:
            raise _invalid(f"more than {bits} bits")
        return number

    return read


def literal(expected: T) -> Reader[T]:
    def read(value: object) -> T:
        same = _whole(value) == expected if isinstance(expected, int) else value == expected
        if not same:
            raise _invalid(f"must be {expected!r}")
        return expected

    return read


def one_of(*values: str) -> Reader[str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in values:
            raise _invalid(f"must be one of {', '.join(values)}")
        return value

    return read


def either(first: Reader[A], second: Reader[B]) -> Reader[Union[A, B]]:
    def read(value: object) -> A | B:
        try:
            return first(value)
        except Malformed:
            return second(value)

    return read


def or_any(reader: Reader[T]) -> Reader[Union[str, T]]:
    return either(literal("any"), reader)


def nullable(reader: Reader[T]) -> Reader[Union[T, None]]:
    return lambda value: None if value is None else reader(value)


def date(value: object) -> int:
    """`2031-01-01T00:00:00Z`, as milliseconds since 1970."""
    written = text(20, 20, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")(value)
    moment = utc_time([int(part) for part in re.split("[-T:Z]", written)[:6]])
    if moment is None:
        raise _invalid("no such date")
    return moment


def utc_time(parts: Sequence[int]) -> int | None:
    """Milliseconds since 1970 of year, month, day, hour, minute and second; None where no calendar has that moment."""
    if parts[0] < 100:
        return None
    try:
        moment = datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type]
    except ValueError:
        return None
    return int(moment.timestamp()) * 1000


def _whole(value: object) -> int | None:
    """JSON writes one number as 1, 1.0 and 1e0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and (not value.is_integer() or str(value) == "-0.0"):
        return None
    return int(value) if abs(value) <= LARGEST_EXACT else None


def _sized(value: bytes, least: int, most: int | None) -> bytes:
    if not least <= len(value) <= (least if most is None else most):
        raise _invalid(f"{len(value)} bytes")
    return value


def _invalid(detail: str) -> Malformed:
    return Malformed("field_invalid", detail)
