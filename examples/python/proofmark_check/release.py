"""Releases: a manifest in canonical form that hashes to the model's id, its owner's signature, and the owner's last word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import strict_json
from .encoding import bytes_word, sha256, tag_word, uint_word
from .errors import Malformed
from .fields import array, base64url, decimal, either, hex_bytes, integer, literal, nullable, one_of, shape, text
from .policy import Policy
from .signatures import verify_p256
from .verdict import (
    Check,
    Finding,
    Rules,
    Verdict,
    demand,
    failed,
    first_code,
    listed,
    not_reached,
    passed,
    run_all,
    run_until_failure,
)

MANIFEST_BYTES = 1_048_576
STATUS_BYTES = 1_024
STATUSES = ("active", "deprecated", "yanked")

_PART = r"(?!\.)[A-Za-z0-9_][A-Za-z0-9._-]*"
_PATH = text(1, 256, rf"{_PART}(/{_PART}){{0,7}}")
_NUMBER = r"(0|[1-9]\d{0,8})"
_IDENTIFIER = r"(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_IDENTIFIER}(\.{_IDENTIFIER})*)?"
_LARGEST_EXACT = 2**53 - 1
_DATATYPES = (
    *("BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"),
    *("FP16", "BF16", "FP32", "FP64", "BYTES"),
)
_TENSOR = shape(
    {
        "name": text(1, 256),
        "datatype": one_of(*_DATATYPES),
        "shape": array(either(integer(0, _LARGEST_EXACT), text(1, 64, "[A-Za-z_][A-Za-z0-9_]*")), 0, 8),
    }
)
_MANIFEST = shape(
    {
        "schema": literal("proofmark manifest v1"),
        "owner": hex_bytes(64),
        "name": text(1, 64, r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?"),
        "version": text(5, 128, _VERSION),
        "kind": one_of("tensor", "text-generation"),
        "description": text(0, 4_096),
        "licence": text(1, 128),
        "task": text(0, 64),
        "tags": array(text(1, 64), 0, 64),
        "entry": _PATH,
        "files": array(shape({"path": _PATH, "size": integer(0, 2**31 - 1), "sha256": hex_bytes(32)}), 1, 1_024),
        "inputs": array(_TENSOR, 0, 256),
        "outputs": array(_TENSOR, 0, 256),
        "execution": shape(
            {
                "engine": literal("onnxruntime"),
                "optimisation": one_of("disabled", "basic", "extended", "all"),
                "threads": integer(1, 64),
                "batchRows": integer(1, 256),
            }
        ),
        "limits": shape({"memoryBytes": integer(64 * 1024 * 1024, 2**40), "runMilliseconds": integer(1, 3_600_000)}),
        "samples": array(shape({"request": _PATH, "response": _PATH}), 0, 64),
        "circuit": nullable(hex_bytes(32)),
    }
)
RELEASE_SHAPE = shape({"manifest": base64url(2, MANIFEST_BYTES), "owner": base64url(64), "signature": base64url(64)})
_STATUS = shape(
    {
        "schema": literal("proofmark status v1"),
        "modelId": hex_bytes(32),
        "owner": hex_bytes(64),
        "status": one_of(*STATUSES),
        "sequence": decimal(64),
        "signature": base64url(64),
    }
)


@dataclass(frozen=True)
class Release:
    manifest: bytes
    owner: bytes
    signature: bytes


@dataclass(frozen=True)
class ReleaseFacts:
    model_id: bytes
    owner: bytes
    manifest: dict[str, Any]


@dataclass(frozen=True)
class _Context:
    release: Release
    manifest: dict[str, Any]
    model_id: bytes
    policy: Policy


@dataclass(frozen=True)
class Status:
    """An owner's word on a release. It has no date: nobody can prove that it is the last one."""

    model_id: bytes
    owner: bytes
    status: str
    sequence: int
    signature: bytes


def decode_release(data: bytes) -> Release:
    return Release(**RELEASE_SHAPE(strict_json.parse(data, 2 * MANIFEST_BYTES)))


def decode_manifest(data: bytes) -> dict[str, Any]:
    """The canonical bytes only: another spelling would have another id."""
    json = strict_json.parse(data, MANIFEST_BYTES)
    manifest = _MANIFEST(json)
    if strict_json.canonical(json) != data:
        raise Malformed("json_malformed", "not in canonical form (RFC 8785)")
    paths = [file["path"] for file in manifest["files"]]
    named = [manifest["entry"], *(path for sample in manifest["samples"] for path in sample.values())]
    if len(set(paths)) != len(paths) or not set(named) <= set(paths):
        raise Malformed("field_invalid", "two files with one path, or a file that is not there")
    return manifest


def release_message(model_id: bytes) -> bytes:
    return tag_word("proofmark release v1") + bytes_word(model_id)


def status_message(model_id: bytes, status: int, sequence: int) -> bytes:
    return tag_word("proofmark status v1") + bytes_word(model_id) + uint_word(status, 8) + uint_word(sequence, 64)


def verify_release(release: Release, model_id: bytes, policy: Policy) -> Verdict[ReleaseFacts]:
    """`model_id` is what a receipt or a person named; the host's word for it does not count."""
    later = not_reached(id for id, _ in (*RULES, *POLICY_RULES))
    try:
        manifest = decode_manifest(release.manifest)
    except Malformed as error:
        return Verdict("malformed", "manifest_invalid", [Check("M0", "failed", error.detail, "manifest_invalid"), *later])
    context = _Context(release, manifest, model_id, policy)
    named = Check("M0", "passed", f"{manifest['name']} {manifest['version']}")
    checks = [named, *run_until_failure(RULES, context)]
    code = first_code(checks)
    if code is not None:
        return Verdict("untrusted", code, [*checks, *not_reached(id for id, _ in POLICY_RULES)])
    checks += run_all(POLICY_RULES, context)
    code = first_code(checks)
    if code is not None:
        return Verdict("refused", code, checks)
    return Verdict("accepted", None, checks, ReleaseFacts(model_id, release.owner, manifest))


def decode_status(data: bytes) -> Status:
    json = strict_json.parse(data, STATUS_BYTES)
    value = _STATUS(json)
    if strict_json.canonical(json) != data:
        raise Malformed("json_malformed", "not in canonical form (RFC 8785)")
    return Status(value["modelId"], value["owner"], value["status"], value["sequence"], value["signature"])


def verify_status(data: bytes, release: ReleaseFacts, seen: Status | None = None) -> Verdict[Status]:
    """`seen` is the highest status of this release that was accepted before."""
    try:
        status = decode_status(data)
    except Malformed as error:
        failed_check = Check("T0", "failed", error.detail, "status_invalid")
        return Verdict("malformed", "status_invalid", [failed_check])
    proof = run_until_failure(_status_rules(release), status)
    code = first_code(proof)
    if code is not None:
        return Verdict("untrusted", code, proof)
    checks = [*proof, *run_all(_status_policy(seen), status)]
    code = first_code(checks)
    return Verdict("accepted" if code is None else "refused", code, checks, status if code is None else None)


def _hashes_to_id(context: _Context) -> Finding:
    return demand(sha256(context.release.manifest) == context.model_id, "release_mismatch", context.model_id.hex())


def _names_owner(context: _Context) -> Finding:
    owner = context.release.owner
    return demand(context.manifest["owner"] == owner, "release_mismatch", owner.hex())


def _is_signed(context: _Context) -> Finding:
    release = context.release
    holds = verify_p256(b"\x04" + release.owner, release_message(context.model_id), release.signature)
    return demand(holds, "release_signature", "ECDSA P-256, low s")


RULES: Rules[_Context] = [("M1", _hashes_to_id), ("M2", _names_owner), ("M3", _is_signed)]
POLICY_RULES: Rules[_Context] = [
    ("M4", lambda context: listed(context.policy["publishers"], context.release.owner, "publisher_refused"))
]


def _status_rules(release: ReleaseFacts) -> Rules[Status]:
    def is_signed(status: Status) -> Finding:
        message = status_message(release.model_id, STATUSES.index(status.status), status.sequence)
        holds = verify_p256(b"\x04" + release.owner, message, status.signature)
        return demand(holds, "status_signature", "ECDSA P-256, low s")

    return [
        ("T1", lambda status: demand(status.model_id == release.model_id, "status_mismatch", status.model_id.hex())),
        ("T2", lambda status: demand(status.owner == release.owner, "status_mismatch", status.owner.hex())),
        ("T3", is_signed),
    ]


def _status_policy(seen: Status | None) -> Rules[Status]:
    def not_replayed(status: Status) -> Finding:
        if seen is None:
            return passed("none was seen before")
        return demand(status.sequence >= seen.sequence, "status_replayed", f"{status.sequence} after {seen.sequence}")

    def not_equivocal(status: Status) -> Finding:
        if seen is not None and seen.sequence == status.sequence and seen.status != status.status:
            return failed("status_equivocation", f"{status.sequence} is {seen.status} and {status.status}")
        return passed(str(status.sequence))

    return [
        ("T4", not_replayed),
        ("T5", not_equivocal),
        ("T6", lambda status: demand(status.status != "yanked", "release_yanked", status.status)),
    ]
