"""What third parties say about time: cosigners that the policy names, who saw a head with its document, or a nonce."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .encoding import Words, decode_words, number, raw, sha256, tag_word, uint
from .errors import Malformed
from .policy import Policy
from .signatures import verify_p256
from .verdict import Check, not_reached

if TYPE_CHECKING:
    from .archive import Archive
    from .evidence import Worker

MOST_SECONDS = 8_640_000_000_000
HEAD_LAYOUT = [raw("tag"), raw("log"), uint("size", 48), raw("root"), raw("document"), uint("time", 64)]
CHALLENGE_LAYOUT = [raw("tag"), uint("time", 64), raw("nonce")]
HEAD_TAG = tag_word("proofmark anchor v1")
CHALLENGE_TAG = tag_word("proofmark moment v1")
_IDS = ("D0", "D1", "D2", "D3")


@dataclass(frozen=True)
class Cosigned:
    statement: Words
    message: bytes
    cosigner: bytes
    signature: bytes

    @property
    def time(self) -> int:
        """Milliseconds since 1970, of the second that was signed."""
        return 1000 * number(self.statement, "time")

    @property
    def is_signed(self) -> bool:
        return verify_p256(b"\x04" + self.cosigner, self.message, self.signature)


@dataclass(frozen=True)
class Dates:
    head: int | None = None
    challenge: int | None = None


def decode_cosigned(data: bytes, layout: list[Any], tag: bytes) -> Cosigned:
    """Words, the cosigner's key, its signature."""
    end = 32 * len(layout)
    if len(data) != end + 128:
        raise Malformed("truncated", f"expected {end + 128} bytes")
    statement = decode_words(layout, data[:end])
    if statement["tag"] != tag:
        raise Malformed("tag_mismatch", "another statement")
    if number(statement, "time") > MOST_SECONDS:
        raise Malformed("integer_out_of_range", "no such time")
    return Cosigned(statement, data[:end], data[end : end + 64], data[end + 64 :])


def check_dates(archive: Archive, policy: Policy, live: bool) -> tuple[Dates | None, list[Check]]:
    """None where a date is malformed or forged. They come first: the times that they give are what the rest is judged at."""
    try:
        heads, challenge = _parse(archive)
    except Malformed as error:
        return None, [Check("D0", "failed", error.detail, "cosignature_invalid"), *not_reached(_IDS[1:])]
    checks = [Check("D0", "passed", f"{len(heads)} dates of heads")]
    anchors = policy["anchors"]
    if anchors == "none":
        return Dates(), [*checks, *(Check(id, "not-asked", "the policy takes nobody's word") for id in _IDS[1:])]
    named = [head for head in heads if head.cosigner in anchors["cosigners"]]
    head, found = (None, _live()) if live else _check_heads(archive, named)
    checks += found
    if any(check.outcome == "failed" for check in found):
        return None, [*checks, *not_reached(["D3"])]
    if challenge is None or challenge.cosigner not in anchors["cosigners"]:
        return Dates(head), [*checks, Check("D3", "not-reached", "nobody that the policy names dated it")]
    if not challenge.is_signed:
        return None, [*checks, Check("D3", "failed", challenge.cosigner.hex(), "anchor_signature")]
    return Dates(head, challenge.time), [*checks, Check("D3", "passed", str(challenge.time))]


def order_of_times(worker: Worker, dates: Dates, live: bool) -> tuple[bool, list[Check]]:
    """Document time <= date of the head <= document time + the policy's maximum age of a key: whether both are known."""
    anchors = worker.policy["anchors"]
    if live:
        return False, [Check(id, "not-asked", "everything is judged at one time") for id in ("D4", "D5")]
    if anchors == "none":
        return False, [Check(id, "not-asked", "the policy takes nobody's word") for id in ("D4", "D5")]
    made, skew = _document_time(worker, dates)
    if dates.head is None or made is None:
        return False, [Check(id, "not-reached", "nobody dated both of them") for id in ("D4", "D5")]
    # A cosigner counts in seconds: what it saw existed before the end of the one that it wrote.
    after = made - skew < dates.head + 1000
    young = dates.head - made <= 1000 * anchors["maxKeyAgeSeconds"]
    return True, [
        Check("D4", "passed" if after else "failed", str(dates.head), "" if after else "anchor_before_document"),
        Check("D5", "passed" if young else "failed", str(dates.head - made), "" if young else "key_too_old"),
    ]


def _document_time(worker: Worker, dates: Dates) -> tuple[int | None, int]:
    if worker.tee == "amd-sev-snp":
        return dates.challenge, 0
    return worker.document_time, 1000 * worker.policy["futureSkewSeconds"]


def _live() -> list[Check]:
    return [Check(id, "not-asked", "everything is judged at one time") for id in ("D1", "D2")]


def _parse(archive: Archive) -> tuple[list[Cosigned], Cosigned | None]:
    """Every one is read, whoever made it: a file has one form."""
    shown = [anchor["evidence"] for anchor in archive.fields["anchors"] if anchor["kind"] == "cosignature"]
    preimage = archive.fields["challenge"]["preimage"]
    dated = preimage is not None and preimage[:32] == CHALLENGE_TAG
    challenge = decode_cosigned(preimage, CHALLENGE_LAYOUT, CHALLENGE_TAG) if dated else None
    return [decode_cosigned(each, HEAD_LAYOUT, HEAD_TAG) for each in shown], challenge


def _check_heads(archive: Archive, shown: list[Cosigned]) -> tuple[int | None, list[Check]]:
    if not shown:
        return None, [Check(id, "not-reached", "nobody that the policy names dated it") for id in ("D1", "D2")]
    if not all(each.message[32:160] == _subject(archive) for each in shown):
        wrong = Check("D1", "failed", "it was another head, or another document", "anchor_mismatch")
        return None, [wrong, *not_reached(["D2"])]
    if not all(each.is_signed for each in shown):
        return None, [Check("D1", "passed", "this head"), Check("D2", "failed", "not signed", "anchor_signature")]
    return min(each.time for each in shown), [Check("D1", "passed", "this head"), Check("D2", "passed", "low s")]


def _subject(archive: Archive) -> bytes:
    """Log, size and root of the head, and the document: what a date of a head is about."""
    return archive.bundle.head[96:] + sha256(archive.evidence.document)
