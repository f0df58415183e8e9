"""AMD SEV-SNP evidence: which certificate is which, who vouches for the report's key, and that the key signed it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import path
from .encoding import sha256
from .errors import Malformed
from .path import Path, is_signed_by
from .policy import ANCHORS, Policy
from .signatures import verify_p384
from .snp_report import Endorsement, Report, padded_chip_id, parse_endorsement, parse_report, tcb_layout
from .snp_rules import RULES, SnpContext
from .verdict import (
    Check,
    Facts,
    Finding,
    Rules,
    Verdict,
    demand,
    failed,
    first_code,
    malformed,
    not_asked,
    not_reached,
    passed,
    run_all,
    run_until_failure,
)
from .x509 import Certificate, RevocationList, parse_certificate, parse_revocation_list

MOST_CERTIFICATES = 16


@dataclass(frozen=True)
class SnpEvidence:
    report: bytes
    certificates: list[bytes]
    revocation_lists: list[bytes]


@dataclass(frozen=True)
class _Chain:
    root: Certificate
    intermediate: Certificate
    leaf: Certificate
    endorsement: Endorsement


@dataclass(frozen=True)
class _Context:
    report: Report
    chain: _Chain
    revocation_list: RevocationList | None
    product: str | None


def verify_report(
    evidence: SnpEvidence, policy: Policy, now: int, challenge: bytes | None, product: str | None = None
) -> Verdict[Facts]:
    """`product` is the line that the caller expects, or None; a report of version 2 names no CPU itself."""
    try:
        report = parse_report(evidence.report)
        certificates = _parse_certificates(evidence.certificates)
        revocation_list = _parse_lists(evidence.revocation_lists)
    except Malformed as error:
        return malformed(error)
    later = [id for id, _ in (*path.RULES, *ENDORSEMENT, *RULES)]
    chain = _roles(certificates, report)
    if isinstance(chain, str):
        missing = Check("C17", "failed", chain, "chain_incomplete")
        return Verdict("untrusted", "chain_incomplete", [missing, *not_reached(later)])
    context = _Context(report, chain, revocation_list, product)
    roots = [bytes.fromhex(root) for root in ANCHORS["amd-sev-snp"]] + list(policy["roots"])
    links = Path([chain.root, chain.intermediate, chain.leaf], path.AMD, roots, now)
    checks = [Check("C17", "passed", "three certificates"), *run_until_failure(path.RULES, links)]
    if first_code(checks) is None:
        checks += run_until_failure(ENDORSEMENT, context)
    code = first_code(checks)
    if code is not None:
        return Verdict("untrusted", code, [*checks, *not_reached(id for id, _ in RULES)])
    return _judge(context, links, policy, challenge, checks)


def _judge(
    context: _Context, links: Path, policy: Policy, challenge: bytes | None, checks: list[Check]
) -> Verdict[Facts]:
    report, chain = context.report, context.chain
    name = ANCHORS["amd-sev-snp"].get(links.root_sha256.hex())
    level = "simulated" if name is None else "attested"
    hardware_id = chain.endorsement.hardware_id
    masked = None if hardware_id is None else padded_chip_id(hardware_id)
    ruling = SnpContext(
        report=report,
        product=chain.endorsement.product or "",
        signer=report.signer,
        chip_id=report.chip_id if any(report.chip_id) else masked,
        csp_id=chain.endorsement.csp_id,
        root_sha256=links.root_sha256,
        tbs_sha256=[sha256(each.signed.tbs) for each in links.certificates],
        revocation_list=context.revocation_list,
        level=level,
        policy=policy,
        now=links.now,
        challenge=challenge,
    )
    checks = [*checks, *run_all(RULES, ruling)]
    code = first_code(checks)
    if code is not None:
        return Verdict("refused", code, checks)
    facts = Facts(
        level=level,
        tee="amd-sev-snp",
        root=name or "simulated",
        measurements=[report.measurement],
        public_key=None,
        user_data=report.report_data[:32],
        pcrs={},
        not_before=max(certificate.not_before for certificate in links.certificates),
        accepted_until=min(policy["expires"], *(certificate.not_after for certificate in links.certificates)),
        document_time=None,
    )
    return Verdict("accepted", None, checks, facts)


def earliest_time(evidence: SnpEvidence) -> int:
    """When all that is shown could have been valid for the first time; 0 for what cannot be read."""
    try:
        starts = [certificate.not_before for certificate, _ in _parse_certificates(evidence.certificates)]
        shown = _parse_lists(evidence.revocation_lists)
    except Malformed:
        return 0
    return max([0, *starts] if shown is None else [0, *starts, shown.this_update])


def _parse_certificates(sources: list[bytes]) -> list[tuple[Certificate, Endorsement]]:
    """Without repetitions: intermediate and root often come twice, in a file of their own and beside a leaf."""
    if len(sources) > MOST_CERTIFICATES:
        raise Malformed("certificates_invalid", f"{len(sources)} certificates", "X1")
    parsed: list[tuple[Certificate, Endorsement]] = []
    for source in dict.fromkeys(sources):
        certificate = parse_certificate(source, amd=True)
        endorsement = parse_endorsement(certificate)
        if endorsement.kind is None and not any(certificate.serial):
            raise Malformed("certificate_serial", "zero in a certificate of a CA", "C15")
        parsed.append((certificate, endorsement))
    return parsed


def _parse_lists(sources: list[bytes]) -> RevocationList | None:
    if not sources:
        return None
    if len(sources) > 1:
        raise Malformed("revocation_list_invalid", f"{len(sources)} revocation lists", "C19.form")
    try:
        return parse_revocation_list(sources[0])
    except Malformed as error:
        raise Malformed("revocation_list_invalid", error.detail, "C19.form") from error


def _roles(certificates: list[tuple[Certificate, Endorsement]], report: Report) -> _Chain | str:
    """By common names alone, and exactly one for each place: nothing is chosen between. A text says what is missing."""
    leaves = [each for each in certificates if each[1].kind is not None]
    wanted = [each for each in leaves if each[1].kind == report.signer] or leaves
    if len(wanted) != 1:
        return f"{len(wanted)} endorsement certificates"
    leaf, endorsement = wanted[0]
    others = [certificate for certificate, each in certificates if each.kind is None]
    own = r"SEV-VLEK-" if endorsement.kind == "VLEK" else r"SEV-(?!VLEK-|VCEK$|VLEK$)"
    intermediates = _named(others, own) or _named(others, r"SEV-")
    roots = _named(others, r"ARK-")
    if len(intermediates) != 1 or len(roots) != 1:
        return f"{len(intermediates)} intermediates and {len(roots)} roots"
    return _Chain(roots[0], intermediates[0], leaf, endorsement)


def _named(certificates: list[Certificate], pattern: str) -> list[Certificate]:
    return [each for each in certificates if re.match(pattern, each.subject.common_name or "")]


def _not_revoked(context: _Context) -> Finding:
    shown, chain = context.revocation_list, context.chain
    if shown is None:
        return not_asked("no revocation list is shown")
    if shown.issuer.raw != chain.root.subject.raw or not is_signed_by(chain.root.key, shown.signed):
        return failed("revocation_list_signature", "not by the root of this chain")
    revoked = chain.intermediate.serial in shown.revoked
    return demand(not revoked, "certificate_revoked", f"serial {chain.intermediate.serial.hex()}")


def _kinds_agree(context: _Context) -> Finding:
    report, endorsement = context.report, context.chain.endorsement
    # With MASK_CHIP_KEY the VCEK is not used: a report that names both contradicts itself.
    masked = report.u32(0x48) & 2 != 0
    if report.signer == "none" or (report.signer == "VCEK" and masked):
        return failed("report_unsigned", "no key of the chip signed it")
    if endorsement.kind != report.signer:
        return failed("endorsement_mismatch", f"{report.signer} named, {endorsement.kind} shown")
    lent = endorsement.kind == "VLEK"
    if (endorsement.hardware_id is None) != lent or (endorsement.csp_id is not None) != lent:
        return failed("endorsement_mismatch", "a VCEK names a chip, a VLEK a cloud, and neither names both")
    issuer = context.chain.leaf.issuer.common_name or ""
    return demand(issuer.startswith("SEV-VLEK-") == lent, "endorsement_mismatch", f"issued by {issuer}")


def _products_agree(context: _Context) -> Finding:
    report, chain = context.report, context.chain
    certified = chain.endorsement.product
    if certified is None:
        return failed("product_unknown", "the certificate names no known product")
    line = f"SEV-VLEK-{certified}" if report.signer == "VLEK" else f"SEV-{certified}"
    names = (chain.root.subject.common_name, chain.intermediate.subject.common_name)
    if names != (f"ARK-{certified}", line):
        return failed("product_mismatch", f"a certificate for {certified} under {names}")
    if context.product is not None and context.product != certified:
        return failed("product_mismatch", f"{context.product} expected, {certified} certified")
    if report.cpu is None:
        return passed(f"{certified}, by the word of the certificate alone")
    if report.product is None:
        return failed("product_unknown", f"cpu {report.cpu}")
    return demand(report.product == certified, "product_mismatch", f"cpu {report.cpu}")


def _levels_agree(context: _Context) -> Finding:
    """Bytes that are reserved take part: their levels are in the certificate, too."""
    reported = context.report.tcb["reported"]
    endorsement = context.chain.endorsement
    for level, name in zip(reported, tcb_layout(endorsement.product or "")):
        if endorsement.levels.get(name) != level:
            return failed("tcb_mismatch", f"{name}: {level} reported, {endorsement.levels.get(name)} certified")
    return passed(reported.hex())


def _chips_agree(context: _Context) -> Finding:
    endorsement, chip_id = context.chain.endorsement, context.report.chip_id
    if endorsement.hardware_id is None:
        return passed("a VLEK is of a cloud, not of a chip")
    if len(endorsement.hardware_id) != (8 if endorsement.product == "Turin" else 64):
        return failed("chip_mismatch", f"a hardware id of {len(endorsement.hardware_id)} bytes")
    if not any(chip_id):
        return passed("masked in the report, which the policy rules on")
    return demand(padded_chip_id(endorsement.hardware_id) == chip_id, "chip_mismatch", chip_id.hex())


def _report_signature(context: _Context) -> Finding:
    report = context.report
    holds = verify_p384(context.chain.leaf.key.value, report.signed, report.signature)
    return demand(holds, "report_signature", "ECDSA P-384")


ENDORSEMENT: Rules[_Context] = [
    ("S27", _not_revoked),
    ("S5", _kinds_agree),
    ("S7", _products_agree),
    ("S9", _levels_agree),
    ("S13", _chips_agree),
    ("S6", _report_signature),
]
