"""A call from beginning to end: prove the worker, open a session with the key that was proven, ask, and prove the answer."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import noise, strict_json
from .commitments import check_commitment
from .encoding import octets
from .errors import CallFailed, Malformed
from .evidence import EVIDENCE_BYTES, EVIDENCE_VALUES, EVIDENCE_SHAPE, Worker, evidence_of, verify_worker
from .host import RECORDS, Host
from .policy import Policy
from .receipt import BUNDLE_BYTES, Bundle, decode_bundle, decode_receipt
from .receipt_rules import Answer, Exchange, ReceiptFacts, verify_receipt
from .release import MANIFEST_BYTES, STATUS_BYTES, Release, ReleaseFacts, decode_release, verify_release, verify_status
from .request import CHAT, INFER, JSON, SEALED, STREAMED, encode_header
from .statements import unit_price
from .verdict import Check, Verdict

SESSION_ID_BYTES = 16
RECORD_BYTES = 16_908_313
BODY_BYTES = 16_777_216
USUAL_TOKENS = 1_024
MOST_FEE = 2**128 - 1
NO_STATUS = ("response_unknown", "not_found", "status_unknown", "unknown")


@dataclass
class Session:
    """A sealed session with one proven worker."""

    host: Host
    worker: Worker
    transport: noise.Transport
    id: str
    evidence: dict[str, Any]
    challenge: bytes
    checks: list[Check]
    next_request: int = 0


@dataclass(frozen=True)
class Question:
    """`operation` is INFER or CHAT; the body is JSON."""

    model_id: bytes
    operation: int
    body: bytes
    streamed: bool


@dataclass(frozen=True)
class Proof:
    """An answer, and everything that proves it."""

    receipt: ReceiptFacts
    bundle: Bundle
    exchange: Exchange
    checks: list[Check] = field(repr=False)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def open_session(host: Host, policy: Policy, model_id: bytes, challenge: bytes | None = None) -> Session:
    """With a challenge of its own, so that recorded evidence cannot answer; `challenge` is for tests of exactly that."""
    drawn, challenged_at = challenge or os.urandom(32), now_ms()
    shown = host.get(f"/v1/evidence?challenge={drawn.hex()}", EVIDENCE_BYTES)
    json = _read(lambda: strict_json.parse(shown, EVIDENCE_BYTES, EVIDENCE_VALUES))
    evidence = evidence_of(_read(lambda: EVIDENCE_SHAPE(json)))
    verdict = verify_worker(evidence, policy, now_ms(), drawn, challenged_at)
    worker = _accepted(verdict, "evidence_refused")
    handshake = noise.Handshake(worker.log, octets(worker.identity, "sealKey"))
    path = f"/v1/sessions?log={worker.log.hex()}&model={model_id.hex()}"
    reply = host.post(path, handshake.message1, SESSION_ID_BYTES + noise.MESSAGE_BYTES)
    transport = _read(lambda: handshake.finish(reply[SESSION_ID_BYTES:]))
    assert isinstance(json, dict)
    return Session(host, worker, transport, reply[:SESSION_ID_BYTES].hex(), json, drawn, verdict.checks)


def prove_release(host: Host, policy: Policy, model_id: bytes) -> tuple[Release, Verdict[ReleaseFacts]]:
    """The host shows a manifest; that it is of this model and signed by its owner, it has to prove."""
    release = _read(lambda: decode_release(host.get(f"/v1/releases/{model_id.hex()}", 2 * MANIFEST_BYTES)))
    verdict = verify_release(release, model_id, policy)
    _accepted(verdict, "release_refused")
    return release, verdict


def owners_status(host: Host, release: ReleaseFacts) -> list[Check]:
    """The owner's last word on a release, as far as the host shows one. Raises where the owner has withdrawn it."""
    try:
        data = host.get(f"/v1/releases/{release.model_id.hex()}/status", STATUS_BYTES)
    except CallFailed as error:
        if error.action != "retry" or error.code == "host_unreachable":
            raise
        return [Check("T0", "not-asked", f"the host shows no status of the release ({error.code})")]
    verdict = verify_status(data, release)
    _accepted(verdict, "release_withdrawn" if verdict.verdict == "refused" else "status_refused")
    return verdict.checks


def ask(session: Session, question: Question) -> Iterator[bytes | Proof]:
    """
    Pieces of the answer as they come, which prove nothing yet, and at last the proof of all of them. An answer that ends
    without its proof raises, and so does one whose proof does not hold.
    """
    header = _header(session.worker, question)
    record, number = _seal(session, bytes([0]) + header + question.body)
    sequence = noise.Sequence(number)
    pieces: list[bytes] = []
    for sealed in _records(session, record, header[:32], question.streamed):
        place, data = _read(lambda: _open(session, sealed))
        _read(lambda: sequence.accept(place))
        if not place.final:
            pieces.append(data)
            _bounded(pieces)
            yield data
            continue
        bundle, answer = _read(lambda: _final(data))
        if answer.body:
            yield answer.body
        whole = Answer(answer.format, answer.json_length, b"".join([*pieces, answer.body]))
        exchange = Exchange(header, question.body, whole)
    if not sequence.complete:
        raise CallFailed("retry", "answer_cut", "the answer stops before its end")
    verdict = verify_receipt(bundle, session.worker, exchange, now_ms())
    yield Proof(_accepted(verdict, "receipt_refused"), bundle, exchange, verdict.checks)


def hold_commitment(proof: Proof, release: ReleaseFacts) -> Check:
    """Raises where the receipt commits to something else than this request and answer."""
    check = check_commitment(decode_receipt(proof.bundle.receipt), release.manifest, proof.exchange)
    if check.outcome == "failed":
        raise CallFailed("stop-trusting", "receipt_refused", f"untrusted: {check.code} (check {check.id})")
    return check


def _header(worker: Worker, question: Question) -> bytes:
    """All that the worker goes by. The seed is zero, so that nothing is sampled, and the channel too: nothing is paid."""
    price = unit_price(worker.configuration, question.model_id, question.operation)
    units = 1 if question.operation == INFER else len(question.body) + USUAL_TOKENS
    return encode_header(
        {
            "requestId": os.urandom(32),
            "modelId": question.model_id,
            "operation": question.operation,
            "format": JSON,
            "jsonLength": len(question.body),
            "flags": SEALED | (STREAMED if question.streamed else 0),
            "salt": os.urandom(32),
            "channel": bytes(32),
            "unitPrice": price,
            "maxFee": min(price * units, MOST_FEE),
            "deadline": 0,
            "seed": bytes(32),
        }
    )


def _seal(session: Session, data: bytes) -> tuple[bytes, int]:
    """Numbers are given out once: a second record at one place would give the key away."""
    number = session.next_request
    session.next_request += 1
    place = noise.Place(noise.TO_WORKER, number, 0, True)
    transport = session.transport
    return noise.seal(transport.send_key, transport.handshake_hash, place, data), number


def _open(session: Session, record: bytes) -> tuple[noise.Place, bytes]:
    transport = session.transport
    return noise.open_record(transport.receive_key, transport.handshake_hash, noise.TO_CLIENT, record)


def _records(session: Session, record: bytes, request_id: bytes, streamed: bool) -> Iterator[bytes]:
    """In a body of records each comes behind its length; any other is one record, as where a stream is refused."""
    path = f"/v1/sessions/{session.id}"
    headers = {"proofmark-request-id": request_id.hex()}
    if not streamed:
        yield session.host.post(path, record, RECORD_BYTES, headers)
        return
    buffered, framed = b"", False
    for piece in session.host.reply("POST", path, record, {**headers, "accept": RECORDS}, 4 * RECORD_BYTES):
        if isinstance(piece, str):
            framed = piece.startswith(RECORDS)
            continue
        buffered += piece
        if not framed:
            continue
        while len(buffered) >= 4:
            length = int.from_bytes(buffered[:4], "big")
            if length > RECORD_BYTES:
                raise CallFailed("stop-trusting", "protocol_violated", f"a record of {length} bytes")
            if len(buffered) < 4 + length:
                break
            yield buffered[4 : 4 + length]
            buffered = buffered[4 + length :]
    if framed and buffered:
        raise CallFailed("retry", "answer_cut", "the answer stops inside a record")
    if not framed:
        yield buffered


def _final(data: bytes) -> tuple[Bundle, Answer]:
    """u32 length of the bundle || bundle || format || u32 jsonLength || what remains of the body."""
    length = int.from_bytes(data[:4], "big")
    start = 4 + length
    if length > BUNDLE_BYTES or len(data) < start + 5:
        raise Malformed("truncated", "the final record")
    answer = Answer(data[start], int.from_bytes(data[start + 1 : start + 5], "big"), data[start + 5 :])
    return decode_bundle(data[4:start]), answer


def _bounded(pieces: list[bytes]) -> None:
    if sum(map(len, pieces)) > BODY_BYTES:
        raise CallFailed("stop-trusting", "response_too_large", f"more than {BODY_BYTES} bytes")


def _accepted(verdict: Verdict[Any], code: str) -> Any:
    if verdict.facts is None:
        raise CallFailed("stop-trusting", code, f"{verdict.verdict}: {verdict.code} (check {', '.join(verdict.failed)})")
    return verdict.facts


def _read(read: Any) -> Any:
    """Whoever sent bytes that are not what they must be has broken the protocol."""
    try:
        return read()
    except Malformed as error:
        raise CallFailed("stop-trusting", "protocol_violated", str(error)) from error


__all__ = [
    *("CHAT", "INFER", "Proof", "Question", "Session", "ask", "hold_commitment", "open_session", "owners_status"),
    "prove_release",
]
