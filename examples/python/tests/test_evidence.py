"""The published corpus of evidence: for each case the verdict, its code, and the one check that fails."""

from __future__ import annotations

import unittest
from typing import Any

from proofmark_check.encoding import from_base64url
from proofmark_check.errors import Malformed
from proofmark_check.evidence import Evidence, verify_worker
from proofmark_check.nitro import verify_document
from proofmark_check.policy import parse_policy
from proofmark_check.snp import SnpEvidence, verify_report
from proofmark_check.snp_table import parse_table
from proofmark_check.verdict import Verdict, malformed

from .vectors import evidence, milliseconds

NITRO = ("accepted", "message", "payload", "certificate", "path", "policy")
SNP = ("accepted", "report", "certificate", "endorsement", "policy")


class Corpus(unittest.TestCase):
    def check(self, case: dict[str, Any], verdict: Verdict[Any]) -> None:
        expected = case["expect"]
        failed = [] if expected["check"] is None else [expected["check"]]
        found = (verdict.verdict, verdict.code, verdict.failed)
        with self.subTest(case["id"]):
            self.assertEqual(found, (expected["verdict"], expected["code"], failed), case["title"])

    def test_nitro_documents(self) -> None:
        policies = evidence("nitro/policies")
        for case in (case for name in NITRO for case in evidence(f"nitro/{name}")):
            policy = parse_policy(policies[case["policy"]])
            document = from_base64url(case["document"])
            self.check(case, verify_document(document, policy, milliseconds(case["at"]), _challenge(case)))

    def test_snp_reports(self) -> None:
        for case in (case for name in SNP for case in evidence(f"snp/{name}")):
            certificates, lists = _kept(case["certificates"]), _kept(case["revocationLists"])
            self.check(case, _judge_report(case, certificates, lists))

    def test_snp_tables(self) -> None:
        for case in evidence("snp/tables"):
            try:
                verdict = _judge_report(case, *parse_table(from_base64url(case["table"])))
            except Malformed as error:
                verdict = malformed(error)
            self.check(case, verdict)

    def test_snp_workers(self) -> None:
        policies = evidence("snp/worker-policies")
        for case in evidence("snp/workers"):
            challenged_at = None if case["challengedAt"] == "unknown" else milliseconds(case["challengedAt"])
            policy = parse_policy(policies[case["policy"]])
            at = milliseconds(case["at"])
            self.check(case, verify_worker(_evidence(case), policy, at, _challenge(case), challenged_at))

    def test_policies_that_no_reader_may_take(self) -> None:
        for case in (case for name in ("nitro", "snp") for case in evidence(f"{name}/refused-policies")):
            with self.subTest(case["id"]), self.assertRaises(Malformed) as refusal:
                parse_policy(from_base64url(case["policy"]), case["tee"])
            self.assertEqual(refusal.exception.code, "policy_invalid")


def _judge_report(case: dict[str, Any], certificates: list[bytes], lists: list[bytes]) -> Verdict[Any]:
    policy = parse_policy(evidence("snp/policies")[case["policy"]])
    shown = SnpEvidence(from_base64url(case["report"]), certificates, lists)
    product = case.get("product", "any")
    at = milliseconds(case["at"])
    return verify_report(shown, policy, at, _challenge(case), None if product == "any" else product)


def _evidence(case: dict[str, Any]) -> Evidence:
    shown = case["evidence"]
    return Evidence(
        tee=shown["tee"],
        document=from_base64url(shown["document"]),
        certificates=_kept(shown["certificates"]),
        revocation_lists=_kept(shown["revocationLists"]),
        identity=from_base64url(shown["identity"]),
        configuration=from_base64url(shown["configuration"]),
        runtime=from_base64url(shown["runtime"]),
    )


def _kept(names: list[str]) -> list[bytes]:
    certificates = evidence("snp/certificates")
    return [from_base64url(certificates[name]) for name in names]


def _challenge(case: dict[str, Any]) -> bytes | None:
    return None if case["challenge"] == "any" else from_base64url(case["challenge"])
