"""What a receipt commits to: the integers of one row of inputs and outputs, in the form that a circuit has of them."""

from __future__ import annotations

import math
from typing import Any

from .encoding import Words, number, octets
from .errors import Malformed
from .poseidon import permute
from .receipt import OK
from .receipt_rules import Exchange
from .request import decode_header
from .tensors import FORMS, Body, Tensor, read_inputs, read_outputs
from .verdict import Check

TAG = b"proofmark commitment v1"
ELEMENT_BITS = 248
MOST_ELEMENTS = 1_024
NOTHING = bytes(32)
CHECK = "K1"


def pack(datatype: str, values: list[int]) -> list[int]:
    bits, signed = FORMS[datatype]
    lifted = [value + 2 ** (bits - 1) if signed else value for value in values]
    each = ELEMENT_BITS // bits
    groups = [lifted[at : at + each] for at in range(0, len(lifted), each)]
    return [sum(value << (bits * place) for place, value in enumerate(group)) for group in groups]


def commit(salt: bytes, inputs: list[int], outputs: list[int]) -> bytes:
    state = (int.from_bytes(TAG, "big") << 48) + (len(inputs) << 24) + len(outputs)
    sequence = [int.from_bytes(salt[:16], "big"), int.from_bytes(salt[16:], "big"), *inputs, *outputs]
    sequence += [0] * (-len(sequence) % 4)
    for at in range(0, len(sequence), 4):
        state = permute([state, *sequence[at : at + 4]])
    return state.to_bytes(32, "big")


def check_commitment(receipt: Words, manifest: dict[str, Any], exchange: Exchange | None) -> Check:
    """Of a receipt and a release that were accepted. `exchange` is None where request or answer was deleted."""
    found = octets(receipt, "commitment")
    why = _why_nothing(receipt, manifest)
    if why is not None:
        return _demand(found == NOTHING, f"nothing is to be committed to: {why}")
    if exchange is None:
        return Check(CHECK, "not-reached", "the payload is missing")
    try:
        expected = commitment_of(manifest, exchange)
    except Malformed as error:
        return _demand(False, f"request or answer holds no tensors: {error.detail}")
    return _demand(found == expected, expected.hex())


def commitment_of(manifest: dict[str, Any], exchange: Exchange) -> bytes:
    """Of an answer with status ok, by a release whose answers can be committed to."""
    header = decode_header(exchange.header)
    request = Body(number(header, "format"), number(header, "jsonLength"), exchange.body)
    answer = Body(exchange.answer.format, exchange.answer.json_length, exchange.answer.body)
    inputs = _rows(manifest["inputs"], read_inputs(request, manifest["inputs"]))
    outputs = _rows(manifest["outputs"], read_outputs(answer, manifest["outputs"]))
    if inputs is None or outputs is None:
        return NOTHING
    return commit(octets(header, "salt"), inputs, outputs)


def _why_nothing(receipt: Words, manifest: dict[str, Any]) -> str | None:
    if manifest["circuit"] is None:
        return "the release names no circuit"
    tensors = [*manifest["inputs"], *manifest["outputs"]]
    if manifest["kind"] != "tensor" or not manifest["inputs"] or not manifest["outputs"]:
        return "the release has no tensors"
    if not all(tensor["datatype"] in FORMS and _has_rows(tensor["shape"]) for tensor in tensors):
        return "the release's tensors are not rows of integers"
    if sum(_elements(tensor) for tensor in tensors) > MOST_ELEMENTS:
        return "the release's rows are too wide"
    return None if number(receipt, "status") == OK else "there is no result"


def _has_rows(shape: list[int | str]) -> bool:
    """The first dimension is free or one, the others are fixed."""
    if not shape or not (isinstance(shape[0], str) or shape[0] == 1):
        return False
    return all(isinstance(size, int) and size > 0 for size in shape[1:])


def _elements(tensor: dict[str, Any]) -> int:
    bits, _ = FORMS[tensor["datatype"]]
    return -(-math.prod(tensor["shape"][1:]) // (ELEMENT_BITS // bits))


def _rows(declared: list[dict[str, Any]], given: list[Tensor]) -> list[int] | None:
    """In the manifest's order; None unless each is there and is one row."""
    by_name = {tensor.name: tensor for tensor in given}
    elements: list[int] = []
    for expected in declared:
        tensor = by_name.get(expected["name"])
        if tensor is None or tensor.datatype != expected["datatype"] or tensor.values is None:
            return None
        if tensor.shape != [1, *expected["shape"][1:]]:
            return None
        elements += pack(tensor.datatype, tensor.values)
    return elements


def _demand(holds: bool, detail: str) -> Check:
    if holds:
        return Check(CHECK, "passed", detail)
    return Check(CHECK, "failed", detail, "commitment_mismatch")
