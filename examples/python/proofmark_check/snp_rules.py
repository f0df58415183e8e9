"""What a policy asks of genuine SEV-SNP evidence. All of it runs, so that a refusal names every reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .policy import GUEST_BITS, PLATFORM_BITS, Policy
from .snp_report import Report, tcb_layout
from .verdict import Finding, Rule, Rules, demand, failed, not_asked, passed
from .x509 import RevocationList

MIGRATE_MA = 18
DEBUG = 19
KNOWN_PLATFORM_BITS = 8
NO_MIGRATION_AGENT = b"\xff" * 32


@dataclass(frozen=True)
class SnpContext:
    report: Report
    product: str
    signer: str
    chip_id: bytes | None
    csp_id: str | None
    root_sha256: bytes
    tbs_sha256: list[bytes]
    revocation_list: RevocationList | None
    level: str
    policy: Policy
    now: int
    challenge: bytes | None


_Run = Callable[[SnpContext], Finding]


def _not_denied(name: str, values: Callable[[SnpContext], list[bytes | None]], code: str) -> _Run:
    def run(context: SnpContext) -> Finding:
        denied = context.policy["denied"][name]
        found = [value.hex() for value in values(context) if value is not None and value in denied]
        return failed(code, found[0]) if found else passed(f"{len(denied)} denied")

    return run


def _listed(rule: str, at: int, length: int, code: str) -> _Run:
    def run(context: SnpContext) -> Finding:
        allowed = context.policy[rule]
        value = context.report.field(at, length)
        return not_asked("any value") if allowed == "any" else demand(value in allowed, code, value.hex())

    return run


def _bit(group: str, name: str, place: tuple[int, int], code: str) -> _Run:
    at, bit = place

    def run(context: SnpContext) -> Finding:
        wanted = context.policy[group][name]
        found = "set" if context.report.u64(at) >> bit & 1 else "clear"
        return not_asked("set or clear") if wanted == "any" else demand(found == wanted, code, found)

    return run


def _refused_bit(rule: str, bit: int, code: str) -> _Run:
    def run(context: SnpContext) -> Finding:
        if context.policy["guestPolicy"][rule] == "allow":
            return not_asked("the policy allows it")
        return demand(context.report.guest_policy >> bit & 1 == 0, code, "set or clear in POLICY")

    return run


def _product_line(context: SnpContext) -> Finding:
    """A line whose root seed is out can sign any TCB, so that no minimum helps (arXiv 2605.12990 for Milan's VCEKs)."""
    trusted = context.signer in context.policy["products"][context.product]
    return demand(trusted, "product_line_refused", f"{context.signer} of {context.product}")


def _version(context: SnpContext) -> Finding:
    version = context.report.version
    return demand(version in context.policy["reportVersions"], "report_version_refused", f"version {version}")


def _abi(context: SnpContext) -> Finding:
    wanted = context.policy["guestPolicy"]["minimumAbi"]
    if wanted == "any":
        return not_asked("any version")
    found = (context.report.guest_policy >> 8 & 0xFF, context.report.guest_policy & 0xFF)
    return demand(found >= (wanted["major"], wanted["minor"]), "guest_policy_refused", f"{found[0]}.{found[1]}")


def _vmpl(context: SnpContext) -> Finding:
    vmpl = context.report.u32(0x30)
    return demand(vmpl in context.policy["vmpl"], "vmpl_refused", f"level {vmpl}")


def _author_key(context: SnpContext) -> Finding:
    """Without AUTHOR_KEY_EN nobody certified the ID key, whatever the digest says."""
    allowed = context.policy["authorKeyDigests"]
    if allowed == "any":
        return not_asked("any value")
    enabled, digest = context.report.u32(0x48) & 1 == 1, context.report.field(0x110, 48)
    return demand(enabled and digest in allowed, "author_key_refused", digest.hex() if enabled else "no author key")


def _guest_svn(context: SnpContext) -> Finding:
    least = context.policy["minimumGuestSvn"]
    found = context.report.u32(0x04)
    return not_asked("any version") if least == "any" else demand(found >= least, "guest_svn_too_low", str(found))


def _challenge(context: SnpContext) -> Finding:
    if context.challenge is None:
        return not_asked("the caller gave no challenge: the report may be a recorded one")
    answered = context.report.report_data[32:]
    return demand(answered == context.challenge, "challenge_mismatch", answered.hex())


def _migration_agent(context: SnpContext) -> Finding:
    allowed = context.policy["migrationAgents"]
    agent = context.report.field(0x160, 32)
    if allowed == "any":
        return not_asked("any agent")
    if agent == NO_MIGRATION_AGENT:
        return passed("none")
    return demand(allowed != "none" and agent in allowed, "migration_agent_refused", agent.hex())


def _tcbs_are_ordered(context: SnpContext) -> Finding:
    report, tcb = context.report, context.report.tcb
    for name in ("committed", "reported"):
        # Level by level: one part may go back while another goes ahead.
        if any(level > current for level, current in zip(tcb[name], tcb["current"])):
            return failed("tcb_order", f"{name} above current")
    return demand(report.firmware(0x1EC) <= report.firmware(0x1E8), "tcb_order", tcb["current"].hex())


def _firmware_is_committed(context: SnpContext) -> Finding:
    if context.policy["provisionalFirmware"] == "allow":
        return not_asked("the policy allows firmware that is not committed")
    report, tcb = context.report, context.report.tcb
    same = tcb["committed"] == tcb["current"] and report.firmware(0x1EC) == report.firmware(0x1E8)
    return demand(same, "firmware_provisional", "current and committed")


def _floor(name: str) -> _Run:
    def run(context: SnpContext) -> Finding:
        floor = context.policy["tcb"][name][context.product]
        return not_asked("any TCB") if floor == "any" else _judge_tcb(context, context.report.tcb[name], floor)

    return run


def _judge_tcb(context: SnpContext, raw: bytes, floor: dict[str, Any]) -> Finding:
    found = dict(zip(tcb_layout(context.product), raw))
    for level in ("fmc", "bootloader", "tee", "snp"):
        if level in floor and found[level] < floor[level]:
            return failed("tcb_too_low", f"{level} {found[level]}, at least {floor[level]} wanted")
    if floor["microcode"] == "any":
        return passed(raw.hex())
    cpu = context.report.cpu
    # Microcode is counted per CPU, and no number holds for all of them: a CPU that is not listed is refused.
    known = [line for line in floor["microcode"] if cpu is not None and (line["model"], line["stepping"]) == cpu[1:]]
    if not known:
        return failed("tcb_too_low", f"no minimum of microcode is stated for {cpu}")
    return demand(found["microcode"] >= known[0]["minimum"], "tcb_too_low", f"microcode {found['microcode']}")


def _firmware(name: str, at: int) -> _Run:
    def run(context: SnpContext) -> Finding:
        wanted = context.policy["firmware"][name]
        if wanted == "any":
            return not_asked("any version")
        found = context.report.firmware(at)
        return demand(found >= (wanted["major"], wanted["minor"], wanted["build"]), "firmware_too_old", str(found))

    return run


def _mitigations(name: str) -> _Run:
    def run(context: SnpContext) -> Finding:
        wanted = context.policy["mitigations"][name]
        if wanted == "any":
            return not_asked("any mitigations")
        found = context.report.mitigations
        return demand(found is not None and found[name] & wanted == wanted, "mitigation_missing", str(found))

    return run


def _platform_is_understood(context: SnpContext) -> Finding:
    if context.policy["platform"]["unknownBits"] == "ignore":
        return not_asked("bits of a later specification are ignored")
    info = context.report.u64(0x40)
    return demand(info >> KNOWN_PLATFORM_BITS == 0, "platform_refused", hex(info))


def _chip_is_named(context: SnpContext) -> Finding:
    masked = context.policy["maskedChipId"]
    if any(context.report.chip_id):
        return passed(context.report.chip_id.hex())
    if masked == "allow" or (masked == "vlek-only" and context.signer == "VLEK"):
        return not_asked("the policy lets a report hide its chip")
    return failed("chip_masked", "CHIP_ID is zero")


def _chip(context: SnpContext) -> Finding:
    allowed, chip = context.policy["chips"], context.chip_id
    if allowed == "any":
        return not_asked("any chip")
    return demand(chip is not None and chip in allowed, "chip_refused", "not named" if chip is None else chip.hex())


def _csp(context: SnpContext) -> Finding:
    if context.signer == "VCEK":
        return passed("the key is of a chip")
    allowed = context.policy["cspIds"]
    return not_asked("any cloud") if allowed == "any" else demand(context.csp_id in allowed, "csp_refused", str(context.csp_id))


def _list_is_shown(context: SnpContext) -> Finding:
    if context.revocation_list is not None:
        return passed("it was verified above")
    if context.policy["revocationList"] == "any":
        return not_asked("the policy does not want one")
    return failed("revocation_unknown", "none is shown")


def _list_is_fresh(context: SnpContext) -> Finding:
    shown = context.revocation_list
    if shown is None:
        return not_asked("none is shown")
    fresh = shown.this_update <= context.now <= shown.next_update
    return demand(fresh, "revocation_stale", f"{shown.this_update} to {shown.next_update}")


def _expiry(context: SnpContext) -> Finding:
    return demand(context.now <= context.policy["expires"], "policy_expired", context.policy["name"])


def _level(context: SnpContext) -> Finding:
    wanted = context.policy["level"]
    return demand(context.level == wanted, "level_refused", f"{context.level} evidence, {wanted} policy")


def _root(context: SnpContext) -> Finding:
    return demand(context.root_sha256 in context.policy["roots"], "root_refused", context.root_sha256.hex())


def _guest_rules() -> list[Rule[SnpContext]]:
    return [
        (f"S15.{name}", _bit("guestPolicy", name, (0x08, bit), "guest_policy_refused"))
        for name, bit in GUEST_BITS.items()
    ]


def _platform_rules() -> list[Rule[SnpContext]]:
    code = {"aliasCheckComplete": "alias_check_incomplete"}
    return [
        (f"S16.{name}", _bit("platform", name, (0x40, bit), code.get(name, "platform_refused")))
        for name, bit in PLATFORM_BITS.items()
    ]


RULES: Rules[SnpContext] = [
    ("P.expiry", _expiry),
    ("A2", _level),
    ("S16.root", _root),
    ("X14.certificate", _not_denied("certificates", lambda c: list(c.tbs_sha256), "certificate_denied")),
    # Endorsement certificates all have the number 0, so this list is the one way to revoke a chip.
    ("X14.chip", _not_denied("chips", lambda c: [c.chip_id], "chip_denied")),
    ("X14.measurement", _not_denied("measurements", lambda c: [c.report.measurement], "measurement_denied")),
    ("S28", _product_line),
    ("S2.policy", _version),
    ("S15.debug", _refused_bit("debug", DEBUG, "guest_debug")),
    ("S15.migrationAgent", _refused_bit("migrationAgent", MIGRATE_MA, "guest_migratable")),
    *_guest_rules(),
    ("S15.abi", _abi),
    ("S17", _vmpl),
    ("S19", _listed("measurements", 0x90, 48, "measurement_refused")),
    ("S21", _listed("hostData", 0xC0, 32, "host_data_refused")),
    ("S22.family", _listed("familyIds", 0x10, 16, "family_refused")),
    ("S22.image", _listed("imageIds", 0x20, 16, "image_id_refused")),
    ("S23.id", _listed("idKeyDigests", 0xE0, 48, "id_key_refused")),
    ("S23.author", _author_key),
    ("S24", _listed("reportIds", 0x140, 32, "report_id_refused")),
    ("S18", _guest_svn),
    ("S20", _challenge),
    ("S24.agent", _migration_agent),
    ("S10", _tcbs_are_ordered),
    ("S10.provisional", _firmware_is_committed),
    ("S11.reported", _floor("reported")),
    ("S11.committed", _floor("committed")),
    ("S11.launch", _floor("launch")),
    ("S12.current", _firmware("current", 0x1E8)),
    ("S12.committed", _firmware("committed", 0x1EC)),
    ("S25.launch", _mitigations("launch")),
    ("S25.current", _mitigations("current")),
    *_platform_rules(),
    ("S16.unknown", _platform_is_understood),
    ("S13.masked", _chip_is_named),
    ("S14", _chip),
    ("S26", _csp),
    ("S27.shown", _list_is_shown),
    ("S27.fresh", _list_is_fresh),
]
