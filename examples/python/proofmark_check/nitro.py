"""AWS Nitro evidence: the document's chain and signature, and what a policy asks of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from . import path
from .encoding import sha256
from .errors import Malformed
from .nitro_document import Document, parse_document
from .path import Path
from .policy import ANCHORS, Policy
from .signatures import verify_p384
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
    malformed,
    not_asked,
    not_reached,
    passed,
    run_all,
    run_until_failure,
)


@dataclass(frozen=True)
class _Context:
    document: Document
    policy: Policy
    level: str
    root_sha256: bytes
    now: int
    challenge: bytes | None


def verify_document(data: bytes, policy: Policy, now: int, challenge: bytes | None) -> Verdict[Facts]:
    """`challenge` is None only where the caller has none: the document may then be a recorded one."""
    try:
        document = parse_document(data)
    except Malformed as error:
        return malformed(error)
    roots = [bytes.fromhex(root) for root in ANCHORS["aws-nitro"]] + list(policy["roots"])
    chain = Path(document.certificates, path.NITRO, roots, now)
    checks = run_until_failure(path.RULES, chain)
    checks += _signature_check(document, checks)
    code = first_code(checks)
    if code is not None:
        return Verdict("untrusted", code, [*checks, *not_reached(id for id, _ in RULES)])
    name = ANCHORS["aws-nitro"].get(chain.root_sha256.hex())
    level = "simulated" if name is None else "attested"
    checks += run_all(RULES, _Context(document, policy, level, chain.root_sha256, now, challenge))
    code = first_code(checks)
    if code is not None:
        return Verdict("refused", code, checks)
    return Verdict("accepted", None, checks, _facts(document, policy, level, name or "simulated"))


def _signature_check(document: Document, checks: list[Check]) -> list[Check]:
    if first_code(checks) is not None:
        return not_reached(["N7"])
    return run_until_failure([("N7", _document_signature)], document)


def _document_signature(document: Document) -> Finding:
    point = document.certificates[-1].key.value
    return demand(verify_p384(point, document.signed, document.signature), "document_signature", "ES384")


def _facts(document: Document, policy: Policy, level: str, root: str) -> Facts:
    until = [policy["expires"], *(certificate.not_after for certificate in document.certificates)]
    if policy["maxAgeSeconds"] != "any":
        until.append(document.timestamp + 1000 * policy["maxAgeSeconds"])
    not_before = max(certificate.not_before for certificate in document.certificates)
    return Facts(
        level=level,
        tee="aws-nitro",
        root=root,
        measurements=[document.pcrs[index] for index in range(3)],
        public_key=document.public_key,
        user_data=document.user_data,
        pcrs=document.pcrs,
        not_before=max(not_before, document.timestamp - 1000 * policy["futureSkewSeconds"]),
        accepted_until=min(until),
        document_time=document.timestamp,
    )


def _not_denied(denied: Any, values: list[Any], code: str) -> Finding:
    found = [value for value in values if value in denied]
    return failed(code, str(found[0])) if found else passed(f"{len(denied)} denied")


def _debug(context: _Context) -> Finding:
    if context.policy["debug"] == "allow":
        return not_asked("the policy allows debug mode, in which anyone may read the enclave")
    return demand(not context.document.is_debug, "debug_mode", "PCR0, PCR1 and PCR2")


def _measured(context: _Context) -> Finding:
    if context.document.is_debug:
        return passed("debug mode, which is ruled on above")
    values = [context.document.pcrs.get(index) for index in range(3)]
    return demand(all(value is not None and any(value) for value in values), "measurement_zero", "PCR0 to PCR2")


def _image(context: _Context) -> Finding:
    images = context.policy["images"]
    if images == "any":
        return not_asked("any image")
    found = {f"pcr{index}": context.document.pcrs.get(index) for index in range(3)}
    pcr0 = found["pcr0"]
    return demand(found in images, "image_refused", "absent" if pcr0 is None else f"PCR0 {pcr0.hex()}")


def _pcr(index: int) -> Any:
    return lambda context: listed(
        context.policy["pcrs"][str(index)], context.document.pcrs.get(index), f"pcr{index}_refused"
    )


def _age(context: _Context) -> Finding:
    most = context.policy["maxAgeSeconds"]
    if most == "any":
        return not_asked("any age within the certificates")
    age = context.now - context.document.timestamp
    return demand(age <= 1000 * most, "document_too_old", f"{age // 1000} s, {most} s allowed")


def _skew(context: _Context) -> Finding:
    most = context.policy["futureSkewSeconds"]
    ahead = context.document.timestamp - context.now
    return demand(ahead <= 1000 * most, "document_from_future", f"{max(0, ahead)} ms ahead, {most} s allowed")


def _made_while_leaf_valid(context: _Context) -> Finding:
    leaf = context.document.certificates[-1]
    inside = leaf.not_before <= context.document.timestamp <= leaf.not_after
    return demand(inside, "timestamp_outside_leaf", str(context.document.timestamp))


def _challenge(context: _Context) -> Finding:
    if context.challenge is None:
        return not_asked("the caller gave no challenge: the document may be a recorded one")
    if context.document.nonce is None:
        return failed("challenge_missing", "the document has no nonce")
    return demand(context.document.nonce == context.challenge, "challenge_mismatch", context.document.nonce.hex())


def _bindings_fit(context: _Context) -> Finding:
    most = context.policy["userDataLimit"]
    lengths = [len(value) for value in (context.document.user_data, context.document.nonce) if value is not None]
    return demand(all(length <= most for length in lengths), "binding_too_long", f"{most} bytes allowed")


def _fields_are_known(context: _Context) -> Finding:
    if context.policy["unknownFields"] == "ignore":
        return not_asked("fields outside the specification are ignored")
    unknown = context.document.unknown_fields
    return demand(not unknown, "field_unknown", repr(unknown[:4])[:200])


def _certified_names(document: Document) -> tuple[str, str] | None:
    """Module id and region as leaf and issuer name them, where they do not contradict each other."""
    leaf = re.fullmatch(r"([^.]+)\.([a-z0-9-]+)(?:\.aws)?", document.certificates[-1].subject.common_name or "")
    issuer = re.fullmatch(
        r"([^.]+)\.([a-z0-9-]+)(?:\.aws)?\.nitro-enclaves", document.certificates[-2].subject.common_name or ""
    )
    if leaf is None or issuer is None or leaf[2] != issuer[2] or not leaf[1].startswith(f"{issuer[1]}-enc"):
        return None
    return leaf[1], leaf[2]


def _module(context: _Context) -> Finding:
    if context.policy["moduleId"] == "any":
        return not_asked("the module id is not compared")
    names = _certified_names(context.document)
    holds = names is not None and names[0] == context.document.module_id
    return demand(holds, "module_id_mismatch", names[0] if names else "the certificates name no module")


def _region(context: _Context) -> Finding:
    if context.policy["regions"] == "any":
        return not_asked("any region")
    names = _certified_names(context.document)
    holds = names is not None and names[1] in context.policy["regions"]
    return demand(holds, "region_refused", names[1] if names else "the certificates name no region")


def _lifetime(context: _Context) -> Finding:
    most = context.policy["leafLifetimeSeconds"]
    if most == "any":
        return not_asked("any lifetime")
    leaf = context.document.certificates[-1]
    lifetime = leaf.not_after - leaf.not_before
    return demand(lifetime <= 1000 * most, "leaf_lifetime", f"{lifetime // 1000} s, {most} s allowed")


def expiry(context: Any) -> Finding:
    return demand(context.now <= context.policy["expires"], "policy_expired", context.policy["name"])


def level(context: Any) -> Finding:
    wanted = context.policy["level"]
    return demand(context.level == wanted, "level_refused", f"{context.level} evidence, {wanted} policy")


def root(context: Any) -> Finding:
    return demand(context.root_sha256 in context.policy["roots"], "root_refused", context.root_sha256.hex())


RULES: Rules[_Context] = [
    ("P.expiry", expiry),
    ("A2", level),
    ("N26", root),
    (
        "X14.certificate",
        # By the signed part: anyone can turn a signature (r, s) into (r, n - s), and so change a certificate's hash.
        lambda c: _not_denied(
            c.policy["denied"]["certificates"],
            [sha256(each.signed.tbs) for each in c.document.certificates],
            "certificate_denied",
        ),
    ),
    ("X14.module", lambda c: _not_denied(c.policy["denied"]["modules"], [c.document.module_id], "module_denied")),
    ("X14.image", lambda c: _not_denied(c.policy["denied"]["images"], [c.document.pcrs.get(0)], "image_denied")),
    ("N17.debug", _debug),
    ("N17.zero", _measured),
    ("N18.image", _image),
    ("N18.pcr3", _pcr(3)),
    ("N18.pcr4", _pcr(4)),
    ("N18.pcr8", _pcr(8)),
    ("N19.age", _age),
    ("N19.skew", _skew),
    ("N20", _made_while_leaf_valid),
    ("N21", _challenge),
    ("N16.limit", _bindings_fit),
    ("N10", _fields_are_known),
    ("N23", _module),
    ("N24", _region),
    ("N25", _lifetime),
]
