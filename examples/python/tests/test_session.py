"""How records are cut out of a body: by their lengths in a stream, and not at all where there is one."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from typing import Any

from proofmark_check.errors import CallFailed
from proofmark_check.host import RECORDS, Host
from proofmark_check.session import Session, _records


class Told(Host):
    """A host that answers what a test says."""

    def answering(self, kind: str, *pieces: bytes) -> Told:
        object.__setattr__(self, "said", [kind, *pieces])
        return self

    def reply(self, *_: Any) -> Iterator[str | bytes]:
        yield from self.said  # type: ignore[attr-defined]


def records(kind: str, *pieces: bytes) -> list[bytes]:
    nobody: Any = None
    host = Told("http://127.0.0.1").answering(kind, *pieces)
    session = Session(host, nobody, nobody, "", {}, b"", [])
    return list(_records(session, b"", bytes(32), True))


class Records(unittest.TestCase):
    def test_a_refused_stream_is_one_record(self) -> None:
        self.assertEqual(records("application/octet-stream", b"one ", b"record"), [b"one record"])

    def test_a_stream_is_cut_by_lengths_wherever_its_pieces_end(self) -> None:
        body = (3).to_bytes(4, "big") + b"abc" + (1).to_bytes(4, "big") + b"d"
        for at in range(len(body) + 1):
            self.assertEqual(records(RECORDS, body[:at], body[at:]), [b"abc", b"d"])

    def test_what_stops_inside_a_record_is_no_end(self) -> None:
        with self.assertRaises(CallFailed) as refusal:
            records(RECORDS, (3).to_bytes(4, "big") + b"ab")
        self.assertEqual(refusal.exception.code, "answer_cut")
