#!/usr/bin/env python3
"""Checks a `.proofmark` file with the network cut: each check, what came of it, and what the file does not prove."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from pathlib import Path

from proofmark_check.archive import ArchiveFacts, decode_archive, verify_archive
from proofmark_check.errors import Malformed
from proofmark_check.not_checked import NEVER_PROVEN
from proofmark_check.policy import parse_policy
from proofmark_check.receipt_rules import iso
from proofmark_check.verdict import Verdict

EXIT = {"accepted": 0, "refused": 1, "untrusted": 1, "malformed": 1, "undetermined": 3}
WHY = {
    "not_anchored": "nobody dated the head: it may have been made after the worker's key expired",
    "anchor_not_checked": "its time anchors are of kinds that are not checked, or by nobody that the policy names",
    "challenge_undated": "the report carries no time, and nobody that the policy names dated its challenge",
    "payload_missing": "request or answer were deleted, so that the receipt can be held against nothing",
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the .proofmark file")
    parser.add_argument("--policy", required=True, type=Path, help="the policy that it is held against")
    parser.add_argument(
        "--live-at",
        help="judge everything at this time (2026-01-31T12:00:00Z, or now); otherwise at the time of the answer, "
        "which takes a third party that dated it",
    )
    return parser.parse_args()


def moment(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "now":
        return int(datetime.now(timezone.utc).timestamp() * 1000)
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def tell(verdict: Verdict[ArchiveFacts]) -> None:
    print(verdict.verdict if verdict.code is None else f"{verdict.verdict}: {verdict.code}")
    if verdict.code in WHY:
        print(f"  {WHY[verdict.code]}")
    for check in verdict.checks:
        print(f"  {check.outcome:<11} {check.id:<16} {check.detail}")
    if verdict.facts is not None:
        tell_facts(verdict.facts)
    print("\nnot proven by anybody:")
    for entry in NEVER_PROVEN:
        print(f"  {entry}")


def tell_facts(facts: ArchiveFacts) -> None:
    receipt, manifest = facts.receipt, facts.release.manifest
    print(f"\nproven ({receipt.level}), judged at {iso(facts.judged_at)}:")
    print(f"  {manifest['name']} {manifest['version']} answered request {receipt.request_id.hex()}")
    print(f"  leaf {receipt.index} of {receipt.size} in log {receipt.log.hex()}")
    print(f"  dated by a cosigner: {'no' if facts.anchored_at is None else iso(facts.anchored_at)}")


def main() -> int:
    given = arguments()
    try:
        policy = parse_policy(given.policy.read_bytes())
        verdict = verify_archive(decode_archive(given.file.read_bytes()), policy, moment(given.live_at))
    except (Malformed, ValueError) as error:
        print(f"malformed: {error}")
        return 1
    tell(verdict)
    return EXIT[verdict.verdict]


if __name__ == "__main__":
    sys.exit(main())
