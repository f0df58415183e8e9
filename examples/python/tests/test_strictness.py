"""Bytes with two meanings, or with two spellings of one: each of them is refused."""

from __future__ import annotations

import unittest

from proofmark_check import cbor, strict_json
from proofmark_check.encoding import from_base64url, from_hex
from proofmark_check.errors import Malformed
from proofmark_check.tree import node_hash, verify_consistency, verify_inclusion
from proofmark_check.receipt import leaf_hash


class Json(unittest.TestCase):
    def test_what_two_readers_read_differently_is_refused(self) -> None:
        for text in (
            *('{"a":1,"a":2}', '{"a":1,"\\u0061":2}', "9007199254740993", "1e999", "NaN", "Infinity", '"\\ud800"'),
            *("01", "1.", "[1,]", "{'a':1}", "\ufeff1", "1 2", "", "[" * 17 + "]" * 17, '"\t"'),
        ):
            with self.subTest(text), self.assertRaises(Malformed):
                strict_json.parse(text.encode("utf-8"), 1_000)

    def test_canonical_form(self) -> None:
        for text, canonical in (
            ('{"b":1,"a":[true,null]}', '{"a":[true,null],"b":1}'),
            # By UTF-16 units, as RFC 8785 has it: a surrogate sorts before U+FB33.
            ('{"\ufb33":1,"\U0001f600":2}', '{"\U0001f600":2,"\ufb33":1}'),
            ('"\\u20ac\\/\\u000f\\n"', '"\u20ac/\\u000f\\n"'),
        ):
            value = strict_json.parse(text.encode("utf-8"), 1_000)
            self.assertEqual(strict_json.canonical(value).decode("utf-8"), canonical)

    def test_numbers_are_written_as_ecmascript_writes_them(self) -> None:
        for text, written in (
            *(("1.0", "1"), ("-0", "0"), ("1e21", "1e+21"), ("123456789012345680000.0", "123456789012345680000")),
            *(("1e-6", "0.000001"), ("1e-7", "1e-7"), ("4.50", "4.5"), ("333333333.33333329", "333333333.3333333")),
            *(("5e-324", "5e-324"), ("1.7976931348623157e308", "1.7976931348623157e+308")),
        ):
            value = strict_json.parse(text.encode("utf-8"), 100)
            self.assertEqual(strict_json.canonical(value).decode("ascii"), written)


class Cbor(unittest.TestCase):
    def test_second_spellings_are_refused(self) -> None:
        for text in (
            *("1800", "190017", "a20201 0101", "a2010101 02", "bf0101ff", "9fff", "5fff", "c001", "f97e00", "f7"),
            *("61ff", "63efbbbf", "a1f401", "0000", "81", "fb0000000000000000", "1c", "a1"),
        ):
            with self.subTest(text), self.assertRaises(Malformed):
                cbor.decode(from_hex(text.replace(" ", "")), cbor.Profile(100))

    def test_an_indefinite_map_is_read_where_a_vendor_writes_one(self) -> None:
        profile = cbor.Profile(100, indefinite_maps=True, any_order=True)
        self.assertEqual(cbor.decode(from_hex("bf02010100ff"), profile), {2: 1, 1: 0})
        for text in ("bf020102 00ff".replace(" ", ""), "bf02ff", "bf0201"):
            with self.subTest(text), self.assertRaises(Malformed):
                cbor.decode(from_hex(text), profile)


class Text(unittest.TestCase):
    def test_hex_and_base64url_have_one_spelling(self) -> None:
        for text in ("AB", "a", "0x00"):
            with self.subTest(text), self.assertRaises(Malformed):
                from_hex(text)
        for text in ("AA==", "AB", "A", "A+", "AA\n"):
            with self.subTest(text), self.assertRaises(Malformed):
                from_base64url(text)


class Tree(unittest.TestCase):
    def test_every_leaf_and_every_growth_of_small_trees(self) -> None:
        leaves = [leaf_hash(bytes([index])) for index in range(20)]
        for size in range(1, 20):
            for index in range(size):
                proof = _path(index, leaves[:size])
                self.assertTrue(verify_inclusion(leaves[index], index, size, proof, _root(leaves[:size])))
                self.assertFalse(verify_inclusion(leaves[index + 1], index, size, proof, _root(leaves[:size])))
            for first in range(1, size + 1):
                proof = _growth(first, leaves[:size], True)
                roots = _root(leaves[:first]), _root(leaves[:size])
                self.assertTrue(verify_consistency(first, roots[0], size, roots[1], proof), (first, size))
                self.assertFalse(verify_consistency(first, roots[0], size, _root(leaves[1 : size + 1]), proof))


def _split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return node_hash(_root(leaves[:at]), _root(leaves[at:]))


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*_path(index, leaves[:at]), _root(leaves[at:])]
    return [*_path(index - at, leaves[at:]), _root(leaves[:at])]


def _growth(first: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """RFC 9162 section 2.1.4.1."""
    if first == len(leaves):
        return [] if whole else [_root(leaves)]
    at = _split(len(leaves))
    if first <= at:
        return [*_growth(first, leaves[:at], whole), _root(leaves[at:])]
    return [*_growth(first - at, leaves[at:], False), _root(leaves[:at])]
