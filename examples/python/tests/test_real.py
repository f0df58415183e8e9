"""Documents and reports of real machines, which lie beside the repository and never in it."""

from __future__ import annotations

import base64
import json
import re
import unittest
from typing import Any

from proofmark_check.encoding import from_hex
from proofmark_check.nitro import verify_document
from proofmark_check.nitro_document import parse_document
from proofmark_check.errors import Malformed
from proofmark_check.policy import ANCHORS, Policy, parse_policy
from proofmark_check.snp import SnpEvidence, verify_report
from proofmark_check.verdict import Verdict
from proofmark_check.x509 import parse_certificate

from .vectors import SHARED, evidence, milliseconds

CODES = {
    "valid": ("accepted", None),
    "debug_mode": ("refused", "debug_mode"),
    "malformed_cbor": ("malformed", None),
    "cose_signature_invalid": ("untrusted", "document_signature"),
    "certificate_expired": ("untrusted", "certificate_expired"),
    "certificate_not_yet_valid": ("untrusted", "certificate_not_yet_valid"),
    "debug_policy": ("refused", "guest_debug"),
    "chain_invalid": ("untrusted", None),
}


@unittest.skipUnless((SHARED / "cases.json").exists(), "no evidence of real machines beside this checkout")
class RealEvidence(unittest.TestCase):
    def check(self, case: dict[str, Any], verdict: Verdict[Any]) -> None:
        expected, code = CODES[case["expect"]]
        with self.subTest(case["id"]):
            self.assertEqual(verdict.verdict, expected, f"{verdict.code} {case['note']}")
            if code is not None:
                self.assertEqual(verdict.code, code)

    def test_nitro_documents(self) -> None:
        cases = [case for case in _cases() if case["tee"] == "nitro"]
        self.assertGreaterEqual(len(cases), 9)
        for case in cases:
            data = (SHARED / case["file"]).read_bytes()
            self.check(case, verify_document(data, _nitro_policy(), _time(case, data), None))

    def test_snp_reports(self) -> None:
        cases = [case for case in _cases() if case["tee"] == "sev-snp"]
        self.assertGreaterEqual(len(cases), 11)
        for case in cases:
            data = (SHARED / case["file"]).read_bytes()
            report = from_hex(data.decode("ascii").strip().lower()) if case.get("encoding") == "hex" else data
            certificates = [*_certificates(case["leaf"]), *_certificates(case["ca"])]
            leaf = parse_certificate(certificates[0], amd=True)
            at = milliseconds(case["at"]) if "at" in case else leaf.not_before + 1000
            self.check(case, verify_report(SnpEvidence(report, certificates, []), _snp_policy(), at, None))


def _cases() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((SHARED / "cases.json").read_text("utf-8"))
    return cases


def _time(case: dict[str, Any], data: bytes) -> int:
    if "at" in case:
        return milliseconds(case["at"])
    try:
        return parse_document(data).timestamp
    except Malformed:
        return 0


def _certificates(name: str) -> list[bytes]:
    data = (SHARED / name).read_bytes()
    if data[:1] == b"\x30":
        return [data]
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----(.*?)-----END", data, re.DOTALL)
    return [base64.b64decode(block) for block in blocks]


def _nitro_policy() -> Policy:
    """Asks nothing about image, age or place: those machines are other people's."""
    # A genuine leaf begins three seconds before it is asked for, and then lives for three hours.
    open_rules = {"leafLifetimeSeconds": 10_803, "images": "any", "pcrs": {"3": "any", "4": "any", "8": "any"}, "maxAgeSeconds": "any", "regions": "any"}
    roots = list(ANCHORS["aws-nitro"])
    return parse_policy({**evidence("nitro/policies")["strict"], **open_rules, "level": "attested", "roots": roots})


def _snp_policy() -> Policy:
    strict = evidence("snp/policies")["strict"]
    anything = {"Milan": "any", "Genoa": "any", "Turin": "any"}
    both = ["VCEK", "VLEK"]
    lists = ("hostData", "familyIds", "imageIds", "idKeyDigests", "authorKeyDigests", "reportIds", "migrationAgents")
    bits = {name: "any" for name in strict["platform"]} | {"unknownBits": "ignore"}
    guest = {name: "any" for name in strict["guestPolicy"]} | {"debug": "refuse", "migrationAgent": "allow"}
    return parse_policy(
        {
            **strict,
            **{name: "any" for name in (*lists, "measurements", "maxAgeSeconds", "chips", "cspIds", "minimumGuestSvn")},
            "level": "attested",
            "roots": list(ANCHORS["amd-sev-snp"]),
            "reportVersions": [2, 3, 5],
            "products": {"Milan": both, "Genoa": both, "Turin": both},
            "vmpl": [0, 1],
            "tcb": {"reported": anything, "committed": anything, "launch": anything},
            "provisionalFirmware": "allow",
            "firmware": {"current": "any", "committed": "any"},
            "maskedChipId": "allow",
            "mitigations": {"launch": "any", "current": "any"},
            "guestPolicy": guest,
            "platform": bits,
            "revocationList": "any",
        }
    )
