"""JSON that has one meaning for every reader, and its canonical form (RFC 8785)."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Union

from .errors import Malformed

Json = Union[None, bool, int, float, str, "list[Json]", "dict[str, Json]"]

MAX_DEPTH = 16
LARGEST_EXACT = 2**53 - 1
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse(data: bytes, max_bytes: int, max_values: int | None = None) -> Json:
    """Refuses duplicate names, numbers that a reader would round, lone surrogates and deep nesting."""
    if len(data) > max_bytes:
        raise Malformed("too_large", f"{len(data)} bytes where {max_bytes} are allowed")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("json_utf8", "malformed UTF-8") from error
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_members,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as error:
        raise Malformed("json_malformed", "not JSON") from error
    if _count(value, 0) > (max_bytes if max_values is None else max_values):
        raise Malformed("too_large", "more values than this format has")
    return value


def canonical(value: Json) -> bytes:
    return _canonical(value, 0).encode("utf-8")


def pretty(value: Json) -> bytes:
    """For files that people look into: nothing that is signed or hashed is written so."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("json_duplicate_key", "a name occurs twice")
    return members


def _integer(digits: str) -> int | float:
    # Minus zero is another number than zero, and an integer nowhere.
    if digits == "-0":
        return -0.0
    value = int(digits)
    if abs(value) > LARGEST_EXACT:
        raise Malformed("json_number", "an integer beyond 2^53 - 1 would be rounded")
    return value


def _fraction(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Malformed("json_number", "the number is not finite")
    return value


def _no_constant(name: str) -> Json:
    raise Malformed("json_malformed", f"{name} is no JSON")


def _count(value: Json, depth: int) -> int:
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise Malformed("json_surrogate", "a surrogate without its other half")
        return 1
    if not isinstance(value, (list, dict)):
        return 1
    if depth == MAX_DEPTH:
        raise Malformed("json_depth", f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        for name in value:
            _count(name, depth)
        return 1 + sum(_count(item, depth + 1) for item in value.values())
    return 1 + sum(_count(item, depth + 1) for item in value)


def _canonical(value: Json, depth: int) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return ecmascript_number(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if depth == MAX_DEPTH:
        raise Malformed("json_depth", f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, list):
        return "[" + ",".join(_canonical(item, depth + 1) for item in value) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    members = (f"{json.dumps(name, ensure_ascii=False)}:{_canonical(value[name], depth + 1)}" for name in names)
    return "{" + ",".join(members) + "}"


def ecmascript_number(value: int | float) -> str:
    """ECMA-262, Number::toString: the shortest digits that read back, and its own rule for where the point goes."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        raise Malformed("json_number", "the number is not finite")
    sign, digit_tuple, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    assert isinstance(exponent, int)
    digits = "".join(map(str, digit_tuple))
    point = len(digits) + exponent
    prefix = "-" if sign else ""
    if len(digits) <= point <= 21:
        return prefix + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return prefix + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return prefix + "0." + "0" * -point + digits
    power = point - 1
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{prefix}{mantissa}e{'+' if power > 0 else '-'}{abs(power)}"
