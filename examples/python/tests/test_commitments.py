"""The published vectors of commitments, and what a receipt may not commit to."""

from __future__ import annotations

import json
import unittest
from typing import Any

from proofmark_check.commitments import check_commitment, commit, pack
from proofmark_check.encoding import from_hex, sha256, uint_word
from proofmark_check.errors import Malformed
from proofmark_check.integers import IntegerTensor, encode_integers
from proofmark_check.poseidon import parameters, permute
from proofmark_check.receipt_rules import Answer, Exchange
from proofmark_check.request import BINARY, INTEGERS, JSON, encode_header
from proofmark_check.tensors import Body, read_inputs

from .vectors import wire

SALT = bytes([0x22]) * 32
MANIFEST: dict[str, Any] = {
    "kind": "tensor",
    "circuit": bytes(32),
    "inputs": [{"name": "x", "datatype": "UINT8", "shape": ["rows", 3]}],
    "outputs": [{"name": "y", "datatype": "INT32", "shape": ["rows", 1]}],
}


class Vectors(unittest.TestCase):
    def test_constants_and_permutations(self) -> None:
        vector = wire("commitments")["poseidon"]
        constants, matrix = parameters()
        self.assertEqual(sha256(b"".join(uint_word(each, 256) for each in constants)).hex(), vector["sha256"])
        self.assertEqual([[str(each) for each in row] for row in matrix], vector["matrix"])
        for permutation in vector["permutations"]:
            self.assertEqual(str(permute([int(each) for each in permutation["inputs"]])), permutation["output"])

    def test_elements(self) -> None:
        for vector in wire("commitments")["packed"]:
            found = pack(vector["datatype"], [int(each) for each in vector["values"]])
            self.assertEqual([str(each) for each in found], vector["elements"], vector["datatype"])

    def test_commitments(self) -> None:
        for vector in wire("commitments")["commitments"]:
            inputs, outputs = (
                [element for each in vector[side] for element in pack(each["datatype"], [int(v) for v in each["values"]])]
                for side in ("inputs", "outputs")
            )
            self.assertEqual(commit(from_hex(vector["salt"]), inputs, outputs).hex(), vector["commitment"])
        self.assertEqual(commit(from_hex(vector["salt"]), [], []).hex(), wire("commitments")["nothing"])


def header(format: int, json_length: int) -> bytes:
    words: dict[str, int | bytes] = {name: bytes(32) for name in ("requestId", "modelId", "channel", "seed")}
    words |= {"operation": 0, "format": format, "jsonLength": json_length, "flags": 2, "salt": SALT}
    return encode_header(words | {"unitPrice": 0, "maxFee": 0, "deadline": 0})


def in_json(values: Any, answered: Any, shape: list[int] | None = None) -> Exchange:
    tensor = {"name": "x", "shape": shape or [1, 3], "datatype": "UINT8", "data": values}
    asked = json.dumps({"inputs": [tensor]}).encode()
    output = {"name": "y", "shape": [1, 1], "datatype": "INT32", "data": answered}
    body = json.dumps({"model_name": "m", "model_version": "1", "outputs": [output]}).encode()
    return Exchange(header(JSON, len(asked)), asked, Answer(JSON, len(body), body))


def in_binary() -> Exchange:
    def body(members: dict[str, Any], tensor: dict[str, Any], data: bytes, side: str) -> tuple[bytes, int]:
        entry = {**tensor, "parameters": {"binary_data_size": len(data)}}
        text = json.dumps({**members, side: [entry]}).encode()
        return text + data, len(text)

    asked, length = body({}, {"name": "x", "shape": [1, 3], "datatype": "UINT8"}, bytes([1, 2, 3]), "inputs")
    names = {"model_name": "m", "model_version": "1"}
    minus_one = (-1).to_bytes(4, "little", signed=True)
    got, answered = body(names, {"name": "y", "shape": [1, 1], "datatype": "INT32"}, minus_one, "outputs")
    return Exchange(header(BINARY, length), asked, Answer(BINARY, answered, got))


def in_integers() -> Exchange:
    asked = encode_integers([IntegerTensor(0, [1, 3], [1, 2, 3])])
    answered = encode_integers([IntegerTensor(0, [1, 1], [-1])])
    return Exchange(header(INTEGERS, 0), asked, Answer(INTEGERS, 0, answered))


RIGHT = commit(SALT, [1 + (2 << 8) + (3 << 16)], [2**31 - 1])


def outcome(commitment: bytes, exchange: Exchange | None, status: int = 0, **changes: Any) -> str:
    return check_commitment({"commitment": commitment, "status": status}, {**MANIFEST, **changes}, exchange).outcome


class Checks(unittest.TestCase):
    def test_every_form_of_a_body_commits_to_the_same(self) -> None:
        for exchange in (in_json([1, 2, 3], [-1]), in_json([[1, 2, 3]], [[-1]]), in_binary(), in_integers()):
            self.assertEqual(outcome(RIGHT, exchange), "passed")
            for wrong in (bytes(32), uint_word(1, 256)):
                self.assertEqual(outcome(wrong, exchange), "failed")

    def test_other_tensors_are_not_committed_to(self) -> None:
        for exchange in (in_json([1, 2, 4], [-1]), in_json([1, 2, 3], [1]), in_json([1, 2], [-1]), in_json([1, 2, 256], [-1])):
            self.assertEqual(outcome(RIGHT, exchange), "failed")

    def test_nothing_is_committed_to_where_nothing_can_be(self) -> None:
        floats = [{"name": "y", "datatype": "FP32", "shape": ["rows", 1]}]
        free = [{"name": "y", "datatype": "INT32", "shape": ["rows", "n"]}]
        exchange = in_json([1, 2, 3], [-1])
        for changes in ({"circuit": None}, {"outputs": floats}, {"outputs": free}, {"kind": "text-generation"}, {"inputs": []}):
            self.assertEqual(outcome(bytes(32), exchange, **changes), "passed")
            self.assertEqual(outcome(RIGHT, exchange, **changes), "failed")
        rows = in_json([1, 2, 3, 4, 5, 6], [-1], [2, 3])
        self.assertEqual([outcome(bytes(32), rows), outcome(RIGHT, rows)], ["passed", "failed"])
        self.assertEqual([outcome(bytes(32), exchange, 3), outcome(RIGHT, exchange, 3)], ["passed", "failed"])

    def test_a_deleted_payload_leaves_it_open(self) -> None:
        self.assertEqual([outcome(RIGHT, None), outcome(bytes(32), None)], ["not-reached", "not-reached"])
        self.assertEqual([outcome(bytes(32), None, circuit=None), outcome(RIGHT, None, circuit=None)], ["passed", "failed"])

    def test_bodies_that_two_readers_read_differently_are_refused(self) -> None:
        tensor = {"name": "x", "shape": [1, 1], "datatype": "INT8", "data": [1]}
        for entry in (
            {**tensor, "data": [True]},
            {**tensor, "data": [1.5]},
            {**tensor, "data": [[1]], "parameters": {"binary_data_size": 1}},
            {**tensor, "data": [128]},
            {**tensor, "datatype": []},
            {**tensor, "note": 1},
            {**tensor, "parameters": {"scale": 2}},
            {name: value for name, value in tensor.items() if name != "data"},
        ):
            data = json.dumps({"inputs": [entry]}).encode()
            with self.subTest(entry), self.assertRaises(Malformed):
                read_inputs(Body(JSON, len(data), data), [])
        for extra in ({"outputs": 5}, {"inputs": [tensor, tensor]}, {"parameters": {"binary_data_output": True}}):
            data = json.dumps({"inputs": [tensor], **extra}).encode()
            with self.subTest(extra), self.assertRaises(Malformed):
                read_inputs(Body(JSON, len(data), data), [])
