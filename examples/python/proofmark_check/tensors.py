"""Integer tensors in the bodies of the three formats. Others are left alone: nothing here needs floats or texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from . import strict_json
from .errors import Malformed
from .fields import array, integer, nullable, one_of, text
from .integers import decode_integers
from .request import BINARY, INTEGERS

BODY_BYTES = 16_777_216
HEADER_BYTES = 65_536
MOST_TENSORS = 256
MOST_RANK = 8
LARGEST_EXACT = 2**53 - 1

# Bits, and whether there is a sign.
FORMS = {
    "BOOL": (8, False),
    **{f"UINT{bits}": (bits, False) for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": (bits, True) for bits in (8, 16, 32, 64)},
}

_DATATYPE = one_of(*FORMS, "FP16", "BF16", "FP32", "FP64", "BYTES")
_NAME = text(1, 256)
_SHAPE = array(integer(0, LARGEST_EXACT), 0, MOST_RANK)


@dataclass(frozen=True)
class Body:
    format: int
    json_length: int
    data: bytes


@dataclass(frozen=True)
class Tensor:
    """`values` is None where the datatype is no integer."""

    name: str
    datatype: str
    shape: list[int]
    values: list[int] | None


def read_inputs(body: Body, declared: list[dict[str, Any]]) -> list[Tensor]:
    if body.format == INTEGERS:
        return _of_words(body.data, declared)
    json, rest = _split(body)
    members = _members(json, ("inputs",), ("id", "parameters", "outputs"))
    _options(members.get("parameters"), "binary_data_output", body.format)
    for output in array(_output, 0, MOST_TENSORS)(members.get("outputs", [])):
        _options(output.get("parameters"), "binary_data", body.format)
    return _tensors(members["inputs"], rest)


def read_outputs(body: Body, declared: list[dict[str, Any]]) -> list[Tensor]:
    if body.format == INTEGERS:
        return _of_words(body.data, declared)
    json, rest = _split(body)
    return _tensors(_members(json, ("model_name", "model_version", "outputs"), ("id",))["outputs"], rest)


def _of_words(data: bytes, declared: list[dict[str, Any]]) -> list[Tensor]:
    given = decode_integers(data)
    if len(given) != len(declared):
        raise Malformed("field_invalid", f"{len(given)} tensors")
    tensors = []
    for tensor, expected in zip(given, declared):
        if tensor.decimals != 0:
            raise Malformed("tensor_invalid", "an integer has no decimals")
        values = _in_range(expected["datatype"], tensor.values)
        tensors.append(Tensor(expected["name"], expected["datatype"], tensor.shape, values))
    return tensors


def _split(body: Body) -> tuple[strict_json.Json, bytes | None]:
    if body.format != BINARY:
        return strict_json.parse(body.data, BODY_BYTES), None
    return strict_json.parse(body.data[: body.json_length], HEADER_BYTES), body.data[body.json_length :]


def _members(value: object, required: Collection[str], allowed: Collection[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or not set(required) <= set(value) <= {*required, *allowed}:
        raise Malformed("field_invalid", "other members than a body of tensors has")
    return value


def _output(value: object) -> dict[str, Any]:
    return _members(value, ("name",), ("parameters",))


def _options(value: object, name: str, format: int) -> None:
    """An answer comes in the format of its request, whatever else is asked."""
    wanted = None if value is None else _members(value, (), (name,)).get(name)
    if wanted is not None and wanted is not (format == BINARY):
        raise Malformed("tensor_invalid", name)


def _tensors(entries: object, binary: bytes | None) -> list[Tensor]:
    at = 0

    def read(entry: object) -> Tensor:
        nonlocal at
        members = _members(entry, ("name", "shape", "datatype"), ("parameters", "data"))
        parameters = _members(members.get("parameters") or {}, (), ("binary_data_size",))
        size = nullable(integer(0, BODY_BYTES))(parameters.get("binary_data_size"))
        name, datatype, shape = _NAME(members["name"]), _DATATYPE(members["datatype"]), _SHAPE(members["shape"])
        if (size is None) == (members.get("data") is None):
            raise Malformed("tensor_invalid", "either data or binary_data_size")
        if size is None:
            return Tensor(name, datatype, shape, _of_json(datatype, shape, members["data"]))
        if binary is None or size > len(binary) - at:
            raise Malformed("tensor_invalid", f"{size} bytes are not there")
        data = binary[at : at + size]
        at += size
        return Tensor(name, datatype, shape, _of_bytes(datatype, shape, data))

    tensors = array(read, 0, MOST_TENSORS)(entries)
    if binary is not None and at != len(binary):
        raise Malformed("tensor_invalid", "bytes that belong to no tensor")
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise Malformed("tensor_invalid", "a name occurs twice")
    return tensors


def _of_bytes(datatype: str, shape: list[int], data: bytes) -> list[int] | None:
    if datatype not in FORMS:
        return None
    bits, signed = FORMS[datatype]
    size = bits // 8
    if len(data) != size * math.prod(shape):
        raise Malformed("tensor_invalid", "shape and bytes differ")
    return _in_range(
        datatype,
        [int.from_bytes(data[start : start + size], "little", signed=signed) for start in range(0, len(data), size)],
    )


def _of_json(datatype: str, shape: list[int], data: object) -> list[int] | None:
    """A flat list, or lists nested as the shape says."""
    if datatype not in FORMS:
        return None
    if not isinstance(data, list):
        raise Malformed("tensor_invalid", "data is not a list")
    flat = data if len(data) == math.prod(shape) and not any(isinstance(item, list) for item in data) else []
    if not flat:
        _collect(data, shape, flat.append)
    whole: Callable[[object], int] = _boolean if datatype == "BOOL" else _whole
    return _in_range(datatype, [whole(item) for item in flat])


def _collect(value: object, shape: list[int], take: Callable[[object], None]) -> None:
    if not shape:
        take(value)
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        raise Malformed("tensor_invalid", "data is neither flat nor nested as the shape")
    for item in value:
        _collect(item, shape[1:], take)


def _boolean(value: object) -> int:
    if not isinstance(value, bool):
        raise Malformed("tensor_invalid", "not a BOOL")
    return int(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value) or abs(value) > LARGEST_EXACT:
        raise Malformed("tensor_invalid", "not an integer")
    return int(value)


def _in_range(datatype: str, values: list[int]) -> list[int]:
    if datatype not in FORMS:
        raise Malformed("tensor_invalid", f"{datatype} is no integer")
    bits, signed = FORMS[datatype]
    least = -(2 ** (bits - 1)) if signed else 0
    most = 1 if datatype == "BOOL" else least + 2**bits - 1
    if not all(least <= value <= most for value in values):
        raise Malformed("tensor_invalid", f"an element is no {datatype}")
    return values
