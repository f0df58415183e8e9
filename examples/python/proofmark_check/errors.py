"""The two ways in which this package says no."""

from __future__ import annotations


class Malformed(Exception):
    """Bytes that are not what they claim to be. `check` is the id of the check that fails, where one is known."""

    def __init__(self, code: str, detail: str, check: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.check = check


class CallFailed(Exception):
    """A call that gave no result. `action` says what to do about it: fix-call, retry or stop-trusting."""

    def __init__(self, action: str, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail} ({action})")
        self.action = action
        self.code = code
        self.detail = detail
