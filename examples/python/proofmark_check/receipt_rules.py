"""A receipt, held against what was asked and what came back: its place in the log, and the head that the worker signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .encoding import Words, number, octets, sha256
from .errors import Malformed
from .evidence import Worker
from .identity import signer_point
from .receipt import CANCELLED, OK, STATUSES, Bundle, decode_head, decode_receipt, leaf_hash
from .request import INFER, INTEGERS, SEALED, check_json_length, decode_header, request_hash, response_hash
from .signatures import verify_p256
from .statements import Statement, decode_execution
from .tree import verify_inclusion
from .verdict import (
    Check,
    Finding,
    Rules,
    Verdict,
    demand,
    failed,
    first_code,
    listed,
    not_asked,
    not_reached,
    passed,
    run_all,
    run_until_failure,
)

NO_CHANNEL = bytes(32)


@dataclass(frozen=True)
class Answer:
    format: int
    json_length: int
    body: bytes


@dataclass(frozen=True)
class Exchange:
    """What was sent and what came back. `owed_before` is None for whoever has one receipt and not those before it."""

    header: bytes
    body: bytes
    answer: Answer
    header_by: str = "client"
    owed_before: int | None = 0


@dataclass(frozen=True)
class ReceiptFacts:
    level: str
    log: bytes
    index: int
    request_id: bytes
    model_id: bytes
    status: str
    fee: int
    sealed: bool
    header_by: str
    execution: Statement
    size: int
    root: bytes
    response_body_hash: bytes


@dataclass(frozen=True)
class _Origin:
    bundle: Bundle
    receipt: Words
    head: Words
    execution: Statement
    worker: Worker
    header_by: str
    now: int


@dataclass(frozen=True)
class _Context:
    origin: _Origin
    exchange: Exchange
    header: Words

    @property
    def receipt(self) -> Words:
        return self.origin.receipt


def verify_receipt(bundle: Bundle, worker: Worker, exchange: Exchange, now: int) -> Verdict[ReceiptFacts]:
    """`worker` must come from `verify_worker`, and `now` lie within the time for which its key was accepted."""
    try:
        context = _parse(bundle, worker, exchange, now)
    except Malformed as error:
        return _malformed(error)
    checks = [Check("R0", "passed", f"leaf {context.receipt['index']}"), *run_until_failure(RULES, context)]
    code = first_code(checks)
    if code is not None:
        return Verdict("untrusted", code, [*checks, *not_reached(id for id, _ in POLICY_RULES)])
    checks += run_all(POLICY_RULES, context.origin)
    code = first_code(checks)
    if code is not None:
        return Verdict("refused", code, checks)
    return Verdict("accepted", None, checks, _facts(context))


def verify_origin(bundle: Bundle, worker: Worker, header_by: str, now: int) -> Verdict[bytes]:
    """For an archive whose payload was deleted: who signed it, and by which program. The fact is the model's id."""
    try:
        origin = _parse_origin(bundle, worker, header_by, now)
    except Malformed as error:
        return _malformed(error)
    checks = [Check("R0", "passed", "no header or body to read"), *run_until_failure(ORIGIN_RULES, origin)]
    code = first_code(checks)
    missing = [Check(id, "not-reached", "the payload is missing") for id, _ in (*SUBJECT_RULES, *TERMS_RULES)]
    if code is not None:
        return Verdict("untrusted", code, [*checks, *missing, *not_reached(id for id, _ in POLICY_RULES)])
    checks += [*missing, *run_all(POLICY_RULES, origin)]
    code = first_code(checks)
    if code is not None:
        return Verdict("refused", code, checks)
    return Verdict("accepted", None, checks, octets(origin.receipt, "modelId"))


def _malformed(error: Malformed) -> Verdict[Any]:
    later = not_reached(id for id, _ in (*RULES, *POLICY_RULES))
    return Verdict("malformed", error.code, [Check("R0", "failed", error.detail, error.code), *later])


def _parse_origin(bundle: Bundle, worker: Worker, header_by: str, now: int) -> _Origin:
    code = "receipt_invalid"
    try:
        receipt = decode_receipt(bundle.receipt)
        code = "head_invalid"
        head = decode_head(bundle.head)
        code = "execution_invalid"
        return _Origin(bundle, receipt, head, decode_execution(bundle.execution), worker, header_by, now)
    except Malformed as error:
        raise Malformed(code, error.detail) from error


def _parse(bundle: Bundle, worker: Worker, exchange: Exchange, now: int) -> _Context:
    origin = _parse_origin(bundle, worker, exchange.header_by, now)
    code = "header_invalid"
    try:
        header = decode_header(exchange.header)
        check_json_length(number(header, "format"), number(header, "jsonLength"), len(exchange.body))
        code = "response_invalid"
        answer = exchange.answer
        if not 0 <= answer.format <= INTEGERS:
            raise Malformed("field_invalid", "an unknown format")
        check_json_length(answer.format, answer.json_length, len(answer.body))
        return _Context(origin, exchange, header)
    except Malformed as error:
        raise Malformed(code, error.detail) from error


def _facts(context: _Context) -> ReceiptFacts:
    origin, receipt = context.origin, context.receipt
    return ReceiptFacts(
        level=origin.worker.level,
        log=origin.worker.log,
        index=number(receipt, "index"),
        request_id=octets(receipt, "requestId"),
        model_id=octets(receipt, "modelId"),
        status=STATUSES[number(receipt, "status")],
        fee=number(receipt, "fee"),
        sealed=number(receipt, "flags") & SEALED != 0,
        header_by=origin.header_by,
        execution=origin.execution,
        size=number(origin.head, "size"),
        root=octets(origin.head, "root"),
        response_body_hash=sha256(context.exchange.answer.body),
    )


def _head_is_of_log(origin: _Origin) -> Finding:
    log = octets(origin.head, "log")
    return demand(log == origin.worker.log, "head_of_other_log", f"log {log.hex()}")


def _head_names_chain(origin: _Origin) -> Finding:
    same = all(origin.head[name] == origin.worker.identity[name] for name in ("chainId", "settlement"))
    return demand(same, "head_of_other_chain", f"chain {origin.head['chainId']}")


def _head_is_signed(origin: _Origin) -> Finding:
    holds = verify_p256(signer_point(origin.worker.identity), origin.bundle.head, origin.bundle.signature)
    return demand(holds, "head_signature", "ECDSA P-256, low s")


def _receipt_is_included(origin: _Origin) -> Finding:
    index, size = number(origin.receipt, "index"), number(origin.head, "size")
    leaf, root = leaf_hash(origin.bundle.receipt), octets(origin.head, "root")
    holds = verify_inclusion(leaf, index, size, origin.bundle.proof, root)
    return demand(holds, "inclusion_proof", f"leaf {index} of {size}")


def _same(name: str, code: str) -> Callable[[_Context], Finding]:
    return lambda context: demand(context.receipt[name] == context.header[name], code, str(context.receipt[name]))


def _request_is_covered(context: _Context) -> Finding:
    expected = request_hash(context.exchange.header, sha256(context.exchange.body))
    return demand(context.receipt["requestHash"] == expected, "request_mismatch", expected.hex())


def _answer_is_covered(context: _Context) -> Finding:
    answer = context.exchange.answer
    salt, status = octets(context.header, "salt"), number(context.receipt, "status")
    expected = response_hash(salt, status, answer.format, answer.json_length, sha256(answer.body))
    return demand(context.receipt["responseHash"] == expected, "response_mismatch", expected.hex())


def _execution_is_covered(origin: _Origin) -> Finding:
    found = sha256(origin.bundle.execution)
    return demand(origin.receipt["execution"] == found, "execution_mismatch", found.hex())


def _execution_is_attested(origin: _Origin) -> Finding:
    runtime = origin.worker.runtime
    same = all(origin.execution[name] == value for name, value in runtime.items())
    return demand(same, "execution_contradiction", f"{origin.execution['engine']} {origin.execution['version']}")


def _terms_are_the_requests(context: _Context) -> Finding:
    for name in ("flags", "channel", "deadline"):
        if context.receipt[name] != context.header[name]:
            return failed(f"{name}_mismatch", str(context.receipt[name]))
    return passed("flags, channel and deadline")


def _fee_follows(context: _Context) -> Finding:
    """A tensor call counts one unit, and perhaps none where it was cancelled; how many tokens counted is the worker's word."""
    receipt, header = context.receipt, context.header
    fee, status = number(receipt, "fee"), number(receipt, "status")
    price, most = number(header, "unitPrice"), number(header, "maxFee")
    if status not in (OK, CANCELLED):
        return demand(fee == 0, "fee_mismatch", f"{fee} for status {STATUSES[status]}")
    if number(header, "operation") == INFER:
        free = status == CANCELLED and fee == 0
        return demand(fee <= most and (free or fee == min(price, most)), "fee_mismatch", str(fee))
    units = 0 if price == 0 else -(-fee // price)
    return demand(fee <= most and fee == min(price * units, most), "fee_mismatch", str(fee))


def _sum_follows(context: _Context) -> Finding:
    fee, total = number(context.receipt, "fee"), number(context.receipt, "cumulativeFee")
    before = context.exchange.owed_before
    if context.header["channel"] == NO_CHANNEL:
        return demand(total == 0, "cumulative_fee_mismatch", str(total))
    if before is None:
        if total < fee:
            return failed("cumulative_fee_mismatch", f"{total}, with a fee of {fee}")
        return not_asked("what the channel owed before is not known here")
    return demand(total == before + fee, "cumulative_fee_mismatch", str(total))


def _key_is_accepted(origin: _Origin) -> Finding:
    worker = origin.worker
    detail = f"{iso(worker.not_before)} to {iso(worker.accepted_until)}"
    return demand(worker.not_before <= origin.now <= worker.accepted_until, "worker_expired", detail)


def _model_is_accepted(origin: _Origin) -> Finding:
    return listed(origin.worker.policy["models"], octets(origin.receipt, "modelId"), "model_refused")


def _answer_was_sealed(origin: _Origin) -> Finding:
    sealed = number(origin.receipt, "flags") & SEALED != 0
    if origin.worker.policy["sealed"] == "any":
        return not_asked("sealed" if sealed else "the host saw it")
    return demand(sealed, "unsealed_refused", "end to end" if sealed else "the host saw it")


def _header_by_client(origin: _Origin) -> Finding:
    if origin.worker.policy["headers"] == "any":
        return not_asked(f"chosen by the {origin.header_by}")
    return demand(origin.header_by == "client", "header_by_host", f"chosen by the {origin.header_by}")


def iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, timezone.utc).isoformat(timespec="seconds")


# Who said it: the head is this log's, signed by the proven key, and the receipt stands under it.
_SIGNED_RULES: Rules[_Origin] = [
    ("R1", _head_is_of_log),
    ("R2", _head_names_chain),
    ("R3", _head_is_signed),
    ("R4", _receipt_is_included),
]
# By which program: the statement that came along, held against the receipt and the attested runtime.
_EXECUTION_RULES: Rules[_Origin] = [("R9", _execution_is_covered), ("R10", _execution_is_attested)]
ORIGIN_RULES: Rules[_Origin] = [*_SIGNED_RULES, *_EXECUTION_RULES]
# What it is about: this request, this model, this answer, and nothing else.
SUBJECT_RULES: Rules[_Context] = [
    ("R5", _same("requestId", "request_id_mismatch")),
    ("R6", _same("modelId", "model_mismatch")),
    ("R7", _request_is_covered),
    ("R8", _answer_is_covered),
]
# On which terms: what was asked for is what was charged and marked.
TERMS_RULES: Rules[_Context] = [
    ("R11", _terms_are_the_requests),
    ("R12", _fee_follows),
    ("R13", _sum_follows),
]


def _of_origin(rules: Rules[_Origin]) -> Rules[_Context]:
    return [(id, lambda context, run=run: run(context.origin)) for id, run in rules]  # type: ignore[misc]


RULES: Rules[_Context] = [
    *_of_origin(_SIGNED_RULES),
    *SUBJECT_RULES,
    *_of_origin(_EXECUTION_RULES),
    *TERMS_RULES,
]
# What the policy that accepted the worker wants of its answers.
POLICY_RULES: Rules[_Origin] = [
    ("R14", _key_is_accepted),
    ("R15", _model_is_accepted),
    ("R16", _answer_was_sealed),
    ("R17", _header_by_client),
]
