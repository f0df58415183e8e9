#!/usr/bin/env python3
"""Asks a model through a host that nobody has to believe, and says what was proven of the answer, and what was not."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from proofmark_check import strict_json
from proofmark_check.archive import encode_archive
from proofmark_check.encoding import from_hex
from proofmark_check.errors import CallFailed, Malformed
from proofmark_check.host import Host
from proofmark_check.not_checked import NEVER_PROVEN, NOT_CHECKED
from proofmark_check.policy import Policy, parse_policy
from proofmark_check.receipt_rules import iso
from proofmark_check.release import Release, ReleaseFacts
from proofmark_check.request import CHAT, INFER
from proofmark_check.session import (
    Proof,
    Question,
    Session,
    ask,
    hold_commitment,
    open_session,
    owners_status,
    prove_release,
)
from proofmark_check.verdict import Check

ANSWER_BYTES = 16_777_216


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host", help="the address of a host, such as http://127.0.0.1:8790")
    parser.add_argument("--policy", required=True, type=Path, help="the policy file that workers are held against")
    parser.add_argument("--model", help="the model's id in hex; may be left out where the policy names one model only")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--infer", type=Path, help="a request of the Open Inference Protocol, as JSON with its data")
    what.add_argument("--chat", help="what to say to a chat model; its answer is streamed")
    parser.add_argument("--tokens", type=int, default=64, help="the most tokens of a chat answer (%(default)s)")
    parser.add_argument("--save", type=Path, help="keep the answer with its proof in this .proofmark file")
    parser.add_argument("--challenge", help="use this challenge instead of a fresh one (to see that replays fail)")
    return parser.parse_args()


def model_of(given: argparse.Namespace, policy: Policy) -> bytes:
    """A host is never asked which model is meant."""
    if given.model is not None:
        return from_hex(given.model, 32)
    if policy["models"] == "any" or len(policy["models"]) != 1:
        raise CallFailed("fix-call", "argument_invalid", "name a model: this policy names none, or several")
    model_id: bytes = policy["models"][0]
    return model_id


def question_of(given: argparse.Namespace, model_id: bytes) -> Question:
    if given.infer is not None:
        return Question(model_id, INFER, given.infer.read_bytes(), streamed=False)
    body = {
        "model": model_id.hex(),
        "messages": [{"role": "user", "content": given.chat}],
        "max_tokens": given.tokens,
        "temperature": 0,
        "stream": True,
    }
    return Question(model_id, CHAT, json.dumps(body).encode("utf-8"), streamed=True)


def proof_of(session: Session, question: Question) -> Proof:
    """Shows pieces of a stream as they come: they are provisional until the proof is there."""
    for piece in ask(session, question):
        if isinstance(piece, Proof):
            return piece
        if question.streamed:
            print(printable(text_of_events(piece)), end="", flush=True)
    raise CallFailed("retry", "answer_cut", "the answer stops before its end")


def text_of_events(piece: bytes) -> str:
    """What server-sent events say. Pieces end where events end, since the worker seals whole events."""
    said: list[str] = []
    for line in piece.decode("utf-8", "replace").splitlines():
        if not line.startswith("data: {"):
            continue
        event = json.loads(line.removeprefix("data: "))
        said.extend(choice.get("delta", {}).get("content") or "" for choice in event.get("choices", []))
    return "".join(said)


def printable(text: str) -> str:
    """What a model writes may steer a terminal, or hide what comes after it."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def tell_answer(proof: Proof, streamed: bool) -> None:
    if streamed:
        print()
        return
    answer = strict_json.parse(proof.exchange.answer.body, ANSWER_BYTES)
    outputs = answer.get("outputs", []) if isinstance(answer, dict) else []
    for output in outputs if isinstance(outputs, list) else []:
        if isinstance(output, dict):
            print(printable(f"{output.get('name')} {output.get('shape')} = {output.get('data')}"))


def tell_proof(session: Session, proof: Proof, release: ReleaseFacts, checks: list[Check]) -> None:
    worker, receipt = session.worker, proof.receipt
    print(f"\nproven ({worker.level}, by {worker.tee}, root {worker.root}):")
    print(f"  code      image {worker.image_id.hex()}, accepted until {iso(worker.accepted_until)}")
    print(f"  model     {release.manifest['name']} {release.manifest['version']}, {release.model_id.hex()}")
    print(f"  answer    status {receipt.status}, fee {receipt.fee}, sealed: {'yes' if receipt.sealed else 'no'}")
    print(f"  place     leaf {receipt.index} of {receipt.size} in log {receipt.log.hex()}")
    print(f"  program   {receipt.execution['engine']} {receipt.execution['version']}")
    print(f"  checks    {sum(check.outcome == 'passed' for check in checks)} passed, none failed")
    tell_list("not asked by this policy", [f"{check.id}: {check.detail}" for check in checks if check.outcome == "not-asked"])
    tell_list("not checked by this program", NOT_CHECKED)
    tell_list("not proven by anybody", NEVER_PROVEN)


def tell_list(title: str, entries: list[str]) -> None:
    print(f"\n{title}:")
    for entry in entries or ["nothing"]:
        print(f"  {entry}")


def run(given: argparse.Namespace, policy: Policy) -> int:
    question = question_of(given, model_of(given, policy))
    host = Host(given.host)
    challenge = None if given.challenge is None else from_hex(given.challenge, 32)
    session = open_session(host, policy, question.model_id, challenge)
    release, verdict = prove_release(host, policy, question.model_id)
    assert verdict.facts is not None
    standing = owners_status(host, verdict.facts)
    proof = proof_of(session, question)
    committed = hold_commitment(proof, verdict.facts)
    if given.save is not None:
        save(given.save, session, proof, release)
    tell_answer(proof, question.streamed)
    tell_proof(session, proof, verdict.facts, [*session.checks, *verdict.checks, *standing, *proof.checks, committed])
    # The worker can refuse or fail, and receipts that: a proven answer, and no result.
    return 0 if proof.receipt.status in ("ok", "cancelled") else 3


def save(path: Path, session: Session, proof: Proof, release: Release) -> None:
    path.write_bytes(encode_archive(proof.bundle, session.evidence, release, proof.exchange, session.challenge))


def main() -> int:
    given = arguments()
    try:
        return run(given, parse_policy(given.policy.read_bytes()))
    except CallFailed as error:
        print(f"no answer: {error}", file=sys.stderr)
        return {"fix-call": 2, "retry": 4, "stop-trusting": 1}[error.action]
    except Malformed as error:
        print(f"no answer: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
