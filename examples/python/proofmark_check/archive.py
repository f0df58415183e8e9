"""A `.proofmark` file: one answer with everything that a stranger needs to check it, years later and offline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import strict_json
from .commitments import check_commitment
from .dates import Dates, check_dates, order_of_times
from .encoding import number, sha256, to_base64url
from .errors import Malformed
from .evidence import EVIDENCE_SHAPE, Evidence, Worker, evidence_of, verify_worker
from .fields import array, base64url, integer, literal, nullable, one_of, shape
from .nitro_document import parse_document
from .policy import Policy
from .receipt import Bundle, bundle_fields, decode_receipt
from .receipt_rules import Answer, Exchange, ReceiptFacts, verify_origin, verify_receipt
from .release import RELEASE_SHAPE, Release, ReleaseFacts, verify_release
from .request import HEADER_BYTES, SEALED
from .snp import SnpEvidence, earliest_time
from .verdict import Check, Verdict, first_code

ARCHIVE_BYTES = 50_331_648
BODY_BYTES = 16_777_216

_BUNDLE = bundle_fields(base64url)
_BODY = nullable(base64url(0, BODY_BYTES))
_ARCHIVE = shape(
    {
        "format": literal("proofmark archive v1"),
        **_BUNDLE,
        "evidence": EVIDENCE_SHAPE,
        "challenge": shape({"value": base64url(32), "preimage": nullable(base64url(1, 1_024))}),
        "release": RELEASE_SHAPE,
        "request": nullable(shape({"header": base64url(HEADER_BYTES), "bodyHash": base64url(32), "body": _BODY})),
        "response": nullable(
            shape(
                {
                    "format": integer(0, 2),
                    "jsonLength": integer(0, BODY_BYTES),
                    "bodyHash": base64url(32),
                    "body": _BODY,
                }
            )
        ),
        "anchors": array(
            shape({"kind": one_of("block", "rfc3161", "cosignature"), "evidence": base64url(1, 65_536)}), 0, 16
        ),
    }
)


@dataclass(frozen=True)
class Archive:
    """Parsed, and not proven."""

    bundle: Bundle
    evidence: Evidence
    release: Release
    fields: dict[str, Any]

    @property
    def challenge(self) -> bytes:
        value: bytes = self.fields["challenge"]["value"]
        return value

    @property
    def payloads(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Request and answer, where neither was deleted."""
        request, response = self.fields["request"], self.fields["response"]
        if request is None or response is None or request["body"] is None or response["body"] is None:
            return None
        return request, response


@dataclass(frozen=True)
class ArchiveFacts:
    worker: Worker
    receipt: ReceiptFacts
    release: ReleaseFacts
    judged_at: int
    """When a third party saw head and document; None for the purpose "live"."""
    anchored_at: int | None


def decode_archive(data: bytes) -> Archive:
    try:
        fields = _ARCHIVE(strict_json.parse(data, ARCHIVE_BYTES))
    except Malformed as error:
        raise Malformed("archive_invalid", error.detail) from error
    bundle = Bundle(**{name: fields[name] for name in _BUNDLE})
    return Archive(bundle, evidence_of(fields["evidence"]), Release(**fields["release"]), fields)


def encode_archive(bundle: Bundle, evidence: dict[str, Any], release: Release, exchange: Exchange, challenge: bytes) -> bytes:
    """`evidence` is the host's own JSON. The digests are of the payloads beside them."""
    request = {"header": exchange.header, "bodyHash": sha256(exchange.body), "body": exchange.body}
    answer = exchange.answer
    response = {"bodyHash": sha256(answer.body), "body": answer.body}
    fields = {
        "format": "proofmark archive v1",
        **_texts({"receipt": bundle.receipt, "execution": bundle.execution}),
        "proof": [to_base64url(each) for each in bundle.proof],
        **_texts({"head": bundle.head, "signature": bundle.signature}),
        "evidence": evidence,
        "challenge": {"value": to_base64url(challenge), "preimage": None},
        "release": _texts({"manifest": release.manifest, "owner": release.owner, "signature": release.signature}),
        "request": _texts(request),
        "response": {"format": answer.format, "jsonLength": answer.json_length, **_texts(response)},
        "anchors": [],
    }
    return strict_json.pretty(fields)


def _texts(fields: dict[str, bytes]) -> dict[str, strict_json.Json]:
    return {name: to_base64url(value) for name, value in fields.items()}


def verify_archive(archive: Archive, policy: Policy, live_at: int | None) -> Verdict[ArchiveFacts]:
    """
    `live_at`: everything has to be valid then. None: everything had to be valid when the answer was given, which takes a
    third party that dated the head; without one the verdict is undetermined.
    """
    dates, checks = check_dates(archive, policy, live_at is not None)
    if dates is None:
        bad = next(check for check in checks if check.outcome == "failed")
        verdict = "malformed" if bad.id == "D0" else "untrusted"
        return Verdict(verdict, bad.code, checks)
    at = _judged_at(archive, dates) if live_at is None else live_at
    challenged_at = at if live_at is None else dates.challenge
    worker = verify_worker(archive.evidence, policy, at, archive.challenge, challenged_at).after(checks)
    if worker.facts is None:
        return Verdict(worker.verdict, worker.code, worker.checks)
    contents = _digests_hold(archive)
    checks = [*worker.checks, contents]
    if contents.outcome == "failed":
        return Verdict("untrusted", contents.code, checks)
    return _judge_answer(archive, worker.facts, (at, live_at is not None, dates), checks)


def _judge_answer(
    archive: Archive, worker: Worker, times: tuple[int, bool, Dates], checks: list[Check]
) -> Verdict[ArchiveFacts]:
    at, live, dates = times
    header_by = "client" if _is_sealed(archive) else "host"
    payloads = archive.payloads
    receipt: Verdict[Any]
    exchange = None
    if payloads is None:
        receipt = verify_origin(archive.bundle, worker, header_by, at)
    else:
        request, response = payloads
        answer = Answer(response["format"], response["jsonLength"], response["body"])
        # One receipt cannot say what its channel owed before: the sum is the payer's to check.
        exchange = Exchange(request["header"], request["body"], answer, header_by, None)
        receipt = verify_receipt(archive.bundle, worker, exchange, at)
    checks = [*checks, *receipt.checks]
    if receipt.facts is None:
        return Verdict(receipt.verdict, receipt.code, checks)
    model_id = receipt.facts if isinstance(receipt.facts, bytes) else receipt.facts.model_id
    release = verify_release(archive.release, model_id, worker.policy).after(checks)
    if release.facts is None:
        return Verdict(release.verdict, release.code, release.checks)
    committed = check_commitment(decode_receipt(archive.bundle.receipt), release.facts.manifest, exchange)
    checks = [*release.checks, committed]
    if committed.outcome == "failed":
        return Verdict("untrusted", committed.code, checks)
    bounded, order = order_of_times(worker, dates, live)
    checks = [*checks, *order]
    code = first_code(order)
    if code is not None:
        return Verdict("refused", code, checks)
    if payloads is None:
        return Verdict("undetermined", "payload_missing", checks)
    if not live and not bounded:
        return Verdict("undetermined", _why(archive, dates), checks)
    facts = ArchiveFacts(worker, receipt.facts, release.facts, at, None if live else dates.head)
    return Verdict("accepted", None, checks, facts)


def _why(archive: Archive, dates: Dates) -> str:
    if dates.head is not None:
        return "challenge_undated"
    return "anchor_not_checked" if archive.fields["anchors"] else "not_anchored"


def _judged_at(archive: Archive, dates: Dates) -> int:
    """The document's own time, which an anchor must then bound. A report has none: it is judged when it was seen."""
    evidence = archive.evidence
    if evidence.tee == "amd-sev-snp":
        shown = SnpEvidence(evidence.document, evidence.certificates, evidence.revocation_lists)
        times = (dates.head, dates.challenge)
        return next((time for time in times if time is not None), earliest_time(shown))
    try:
        return parse_document(evidence.document).timestamp
    except Malformed:
        # Verification will name what is wrong with the document.
        return 0


def _digests_hold(archive: Archive) -> Check:
    sides = [side for side in (archive.fields["request"], archive.fields["response"]) if side is not None]
    wrong = [side for side in sides if side["body"] is not None and sha256(side["body"]) != side["bodyHash"]]
    preimage = archive.fields["challenge"]["preimage"]
    if wrong or (preimage is not None and sha256(preimage) != archive.challenge):
        return Check("F1", "failed", "a digest is not that of what is beside it", "payload_mismatch")
    return Check("F1", "passed", "SHA-256")


def _is_sealed(archive: Archive) -> bool:
    """Only a sealed header is known to be the client's: it travelled where the host cannot reach."""
    try:
        return number(decode_receipt(archive.bundle.receipt), "flags") & SEALED != 0
    except Malformed:
        return False
