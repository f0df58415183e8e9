"""From a host's evidence to a worker that may be relied on: hardware, what it binds, and what the policy wants of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import nitro, path, snp, strict_json
from .encoding import Words, number, octets, sha256
from .errors import Malformed
from .fields import array, base64url, literal, one_of, shape
from .identity import decode_identity, extended_register, image_id, log_of, signer_point
from .policy import Policy
from .signatures import is_p256_point
from .statements import Statement, decode_configuration, decode_runtime
from .verdict import (
    Check,
    Facts,
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

EVIDENCE_BYTES = 1_048_576
EVIDENCE_VALUES = 64
CONFIGURATION_PCR = 16

EVIDENCE_SHAPE = shape(
    {
        "version": literal(1),
        "tee": one_of("aws-nitro", "amd-sev-snp"),
        "document": base64url(1, 18_432),
        "certificates": array(base64url(1, 8_192), 0, 16),
        "revocationLists": array(base64url(1, EVIDENCE_BYTES), 0, 8),
        "identity": base64url(320),
        "configuration": base64url(1, 262_144),
        "runtime": base64url(1, 32_768),
    }
)


@dataclass(frozen=True)
class Evidence:
    """What a host shows, as bytes that some party signed or hashed. None of it is proven."""

    tee: str
    document: bytes
    certificates: list[bytes]
    revocation_lists: list[bytes]
    identity: bytes
    configuration: bytes
    runtime: bytes


@dataclass(frozen=True)
class Worker:
    """A worker that was proven: made by `verify_worker` alone."""

    level: str
    tee: str
    root: str
    log: bytes
    image_id: bytes
    identity: Words
    configuration: Statement
    runtime: Statement
    policy: Policy
    not_before: int
    accepted_until: int
    document_time: int | None


@dataclass(frozen=True)
class _Statements:
    evidence: Evidence
    facts: Facts
    identity: Words
    configuration: Statement
    runtime: Statement


@dataclass(frozen=True)
class _Admission:
    policy: Policy
    identity: Words
    configuration: Statement
    now: int
    challenged_at: int | None


def decode_evidence(data: bytes) -> Evidence:
    return evidence_of(EVIDENCE_SHAPE(strict_json.parse(data, EVIDENCE_BYTES, EVIDENCE_VALUES)))


def evidence_of(value: dict[str, Any]) -> Evidence:
    """Of a value that `EVIDENCE_SHAPE` has read."""
    return Evidence(
        tee=value["tee"],
        document=value["document"],
        certificates=value["certificates"],
        revocation_lists=value["revocationLists"],
        identity=value["identity"],
        configuration=value["configuration"],
        runtime=value["runtime"],
    )


def verify_worker(
    evidence: Evidence, policy: Policy, now: int, challenge: bytes | None, challenged_at: int | None
) -> Verdict[Worker]:
    """Times are milliseconds since 1970; `challenged_at` is None where nobody knows when the challenge was drawn."""
    later = _later(policy)
    if evidence.tee != policy.tee:
        wrong = Check("W.tee", "failed", f"{evidence.tee} evidence, a policy for {policy.tee}", "tee_not_trusted")
        return Verdict("untrusted", "tee_not_trusted", [wrong, *not_reached([*_hardware(policy), "W0", *later])])
    hardware = _attest(evidence, policy, now, challenge).after([Check("W.tee", "passed", policy.tee)])
    if hardware.facts is None:
        return Verdict(hardware.verdict, hardware.code, [*hardware.checks, *not_reached(["W0", *later])])
    try:
        shown = _read_statements(evidence, hardware.facts)
    except Malformed as error:
        checks = [*hardware.checks, Check("W0", "failed", error.detail, error.code), *not_reached(later)]
        return Verdict("malformed", error.code, checks)
    checks = [*hardware.checks, Check("W0", "passed", "version 1"), *run_until_failure(_binding(policy), shown)]
    code = first_code(checks)
    if code is not None:
        return Verdict("untrusted", code, [*checks, *not_reached(id for id, _ in _wishes(policy))])
    wanted = _Admission(policy, shown.identity, shown.configuration, now, None if challenge is None else challenged_at)
    checks += run_all(_wishes(policy), wanted)
    code = first_code(checks)
    if code is not None:
        return Verdict("refused", code, checks)
    return Verdict("accepted", None, checks, _worker(shown, wanted))


def _attest(evidence: Evidence, policy: Policy, now: int, challenge: bytes | None) -> Verdict[Facts]:
    if policy.tee == "aws-nitro":
        return nitro.verify_document(evidence.document, policy, now, challenge)
    shown = snp.SnpEvidence(evidence.document, evidence.certificates, evidence.revocation_lists)
    return snp.verify_report(shown, policy, now, challenge)


def _read_statements(evidence: Evidence, facts: Facts) -> _Statements:
    code = "identity_invalid"
    try:
        identity = decode_identity(evidence.identity)
        code = "configuration_invalid"
        configuration = decode_configuration(evidence.configuration)
        code = "runtime_invalid"
        return _Statements(evidence, facts, identity, configuration, decode_runtime(evidence.runtime))
    except Malformed as error:
        raise Malformed(code, error.detail, "W0") from error


def _worker(shown: _Statements, wanted: _Admission) -> Worker:
    facts, policy = shown.facts, wanted.policy
    until = facts.accepted_until
    if policy.tee == "amd-sev-snp" and policy["maxAgeSeconds"] != "any" and wanted.challenged_at is not None:
        until = min(until, wanted.challenged_at + 1000 * policy["maxAgeSeconds"])
    return Worker(
        level=facts.level,
        tee=facts.tee,
        root=facts.root,
        log=log_of(shown.evidence.identity),
        image_id=image_id(facts.tee, facts.measurements),
        identity=shown.identity,
        configuration=shown.configuration,
        runtime=shown.runtime,
        policy=policy,
        not_before=facts.not_before,
        accepted_until=until,
        document_time=facts.document_time,
    )


def _log_is_bound(shown: _Statements) -> Finding:
    log = log_of(shown.evidence.identity)
    return demand(shown.facts.user_data == log, "identity_mismatch", f"log {log.hex()}")


def _signer_is_in_document(shown: _Statements) -> Finding:
    return demand(shown.facts.public_key == signer_point(shown.identity), "signer_mismatch", "public_key")


def _signer_is_a_key(shown: _Statements) -> Finding:
    return demand(is_p256_point(signer_point(shown.identity)), "signer_invalid", "P-256")


def _configuration_is_named(shown: _Statements) -> Finding:
    holds = sha256(shown.evidence.configuration) == shown.identity["config"]
    return demand(holds, "configuration_mismatch", octets(shown.identity, "config").hex())


def _configuration_is_extended(shown: _Statements) -> Finding:
    expected = extended_register(octets(shown.identity, "config"))
    return demand(shown.facts.pcrs.get(CONFIGURATION_PCR) == expected, "configuration_not_bound", "PCR16")


def _runtime_is_named(shown: _Statements) -> Finding:
    holds = sha256(shown.evidence.runtime) == shown.identity["runtime"]
    return demand(holds, "runtime_mismatch", octets(shown.identity, "runtime").hex())


def _copied(shown: _Statements) -> Finding:
    names = ("operator", "chainId", "registry", "settlement")
    same = all(shown.identity[name] == shown.configuration[name] for name in names)
    return demand(same, "identity_contradiction", ", ".join(names))


def _wish(rule: str, word: str, code: str) -> Any:
    return lambda wanted: listed(wanted.policy[rule], octets(wanted.identity, word), code)


def _chain(wanted: _Admission) -> Finding:
    expected = wanted.policy["chain"]
    if expected == "any":
        return not_asked("any chain")
    same = all(wanted.identity[name] == expected[name] for name in ("chainId", "registry", "settlement"))
    return demand(same, "chain_refused", f"chain {number(wanted.identity, 'chainId')}")


def _publishers(wanted: _Admission) -> Finding:
    accepted = wanted.policy["publishers"]
    if accepted == "any":
        return not_asked("any publisher")
    strangers = [each.hex() for each in wanted.configuration["publishers"] if each not in accepted]
    return failed("publisher_refused", strangers[0]) if strangers else passed("all of them are on the list")


def _freshness(wanted: _Admission) -> Finding:
    """A report carries no time: it is as old as the challenge that it answers."""
    most = wanted.policy["maxAgeSeconds"]
    if most == "any":
        return not_asked("any age within the certificates")
    if wanted.challenged_at is None:
        return failed("report_undated", "nobody dated the challenge that it answers")
    age = wanted.now - wanted.challenged_at
    return demand(0 <= age <= 1000 * most, "report_too_old", f"{age} ms, {most} s allowed")


_LATER_STATEMENTS: Rules[_Statements] = [("W5", _runtime_is_named), ("W6", _copied)]
_NITRO_BINDING: Rules[_Statements] = [
    ("W1", _log_is_bound),
    ("W2", _signer_is_in_document),
    ("W3", _configuration_is_named),
    ("W4", _configuration_is_extended),
    *_LATER_STATEMENTS,
]
# A report has 64 bytes of the guest's choice and no register for the configuration: there is no W4.
_SNP_BINDING: Rules[_Statements] = [
    ("W1", _log_is_bound),
    ("W2", _signer_is_a_key),
    ("W3", _configuration_is_named),
    *_LATER_STATEMENTS,
]
_ADMISSION: Rules[_Admission] = [
    ("W7", _wish("configurations", "config", "configuration_refused")),
    ("W8", _wish("runtimes", "runtime", "runtime_refused")),
    ("W9", _wish("operators", "operator", "operator_refused")),
    ("W10", _chain),
    ("W11", _publishers),
]


def _binding(policy: Policy) -> Rules[_Statements]:
    return _NITRO_BINDING if policy.tee == "aws-nitro" else _SNP_BINDING


def _wishes(policy: Policy) -> Rules[_Admission]:
    return _ADMISSION if policy.tee == "aws-nitro" else [*_ADMISSION, ("W12", _freshness)]


def _hardware(policy: Policy) -> list[str]:
    rules = nitro.RULES if policy.tee == "aws-nitro" else [*snp.ENDORSEMENT, *snp.RULES]
    return [id for id, _ in (*path.RULES, *rules)]


def _later(policy: Policy) -> list[str]:
    return [id for id, _ in (*_binding(policy), *_wishes(policy))]
