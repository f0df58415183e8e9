"""What a verification says: every check of its list with what came of it, and facts only where all of them allow it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .errors import Malformed

F = TypeVar("F")
C = TypeVar("C")


@dataclass(frozen=True)
class Check:
    """`outcome` is passed, failed, not-asked (the policy says "any") or not-reached (an earlier check failed)."""

    id: str
    outcome: str
    detail: str
    code: str = ""


@dataclass(frozen=True)
class Verdict(Generic[F]):
    """`verdict` is accepted, malformed, untrusted, refused or undetermined; `facts` is there in the first case alone."""

    verdict: str
    code: str | None
    checks: list[Check]
    facts: F | None = None

    @property
    def failed(self) -> list[str]:
        return [check.id for check in self.checks if check.outcome == "failed"]

    @property
    def left_open(self) -> list[Check]:
        return [check for check in self.checks if check.outcome == "not-asked"]

    def after(self, earlier: Sequence[Check]) -> Verdict[F]:
        return Verdict(self.verdict, self.code, [*earlier, *self.checks], self.facts)


@dataclass(frozen=True)
class Facts:
    """What the hardware says, once every check ran. Times are milliseconds since 1970."""

    level: str
    tee: str
    root: str
    measurements: list[bytes]
    public_key: bytes | None
    user_data: bytes | None
    pcrs: dict[int, bytes]
    not_before: int
    accepted_until: int
    document_time: int | None


@dataclass(frozen=True)
class Finding:
    outcome: str
    detail: str
    code: str = ""


Rule = tuple[str, Callable[[C], Finding]]
Rules = Sequence[Rule[C]]


def passed(detail: str) -> Finding:
    return Finding("passed", detail)


def not_asked(detail: str) -> Finding:
    return Finding("not-asked", detail)


def failed(code: str, detail: str) -> Finding:
    return Finding("failed", detail, code)


def demand(holds: bool, code: str, detail: str) -> Finding:
    return passed(detail) if holds else failed(code, detail)


def listed(allowed: Any, value: bytes | None, code: str) -> Finding:
    """Whether a rule that is a list, or the word "any", admits a value."""
    if allowed == "any":
        return not_asked("any value")
    return demand(value is not None and value in allowed, code, "absent" if value is None else value.hex())


def run_until_failure(rules: Rules[C], context: C) -> list[Check]:
    """For cryptography: nothing after a failure means anything."""
    checks: list[Check] = []
    for index, (id, run) in enumerate(rules):
        checks.append(_check(id, run(context)))
        if checks[-1].outcome == "failed":
            return [*checks, *not_reached(name for name, _ in rules[index + 1 :])]
    return checks


def run_all(rules: Rules[C], context: C) -> list[Check]:
    """For policy: the evidence is genuine, so every reason to refuse it is told."""
    return [_check(id, run(context)) for id, run in rules]


def first_code(checks: Iterable[Check]) -> str | None:
    return next((check.code for check in checks if check.outcome == "failed"), None)


def not_reached(ids: Iterable[str]) -> list[Check]:
    return [Check(id, "not-reached", "an earlier check failed") for id in ids]


def malformed(error: Malformed, check: str = "") -> Verdict[F]:
    failed_check = Check(error.check or check, "failed", error.detail, error.code)
    return Verdict("malformed", error.code, [failed_check])


def _check(id: str, finding: Finding) -> Check:
    return Check(id, finding.outcome, finding.detail, finding.code)
