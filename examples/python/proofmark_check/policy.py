"""Policies: every rule is named, "any" is written as the word, and an empty list accepts nothing (../../attestations/policies)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import strict_json
from .errors import Malformed
from .fields import (
    array,
    date,
    decimal,
    either,
    hex_bytes,
    integer,
    literal,
    one_of,
    or_any,
    shape,
    text,
)
from .strict_json import Json

POLICY_BYTES = 1_048_576
LIST_ITEMS = 1_024

# SHA-256 of the vendors' root certificates: ../../attestations/anchors.
ANCHORS: dict[str, dict[str, str]] = {
    "aws-nitro": {"641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b": "aws-nitro-enclaves-g1"},
    "amd-sev-snp": {
        "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1": "amd-ark-genoa",
        "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd": "amd-ark-milan",
        "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a": "amd-ark-turin",
    },
}


@dataclass(frozen=True)
class Policy:
    """A policy that `parse_policy` read: no rule is missing in it."""

    tee: str
    rules: dict[str, Any]

    def __getitem__(self, rule: str) -> Any:
        return self.rules[rule]


def parse_policy(source: bytes | Json, tee: str | None = None) -> Policy:
    """For the hardware that it names, or for `tee`. Raises `Malformed` with the code policy_invalid."""
    try:
        value = strict_json.parse(source, POLICY_BYTES) if isinstance(source, bytes) else source
        wanted = tee if tee is not None else value.get("tee") if isinstance(value, dict) else None
        if wanted not in _SHAPES:
            raise Malformed("field_invalid", "aws-nitro or amd-sev-snp expected")
        policy = Policy(str(wanted), shape(_SHAPES[str(wanted)])(value))
        _check_roots(policy)
        return policy
    except Malformed as error:
        raise Malformed("policy_invalid", error.detail) from error


def _check_roots(policy: Policy) -> None:
    """A hardware policy names its own vendor's roots and no others, a simulated one no vendor's."""
    for root in policy["roots"]:
        own = root.hex() in ANCHORS[policy.tee]
        vendors = any(root.hex() in anchors for anchors in ANCHORS.values())
        if (policy["level"] == "attested" and not own) or (policy["level"] == "simulated" and vendors):
            raise Malformed("field_invalid", "a root of another level than the policy")


def _listed(item: Any) -> Any:
    return array(item, 0, LIST_ITEMS)


def _hashes(length: int) -> Any:
    return or_any(_listed(hex_bytes(length)))


_SECONDS = integer(0, 1_000_000_000)
_BYTE = integer(0, 0xFF)
_BIT = one_of("any", "set", "clear")
_REFUSE_OR_ALLOW = one_of("refuse", "allow")

_COMMON: dict[str, Any] = {
    "version": literal(1),
    "name": text(1, 128),
    "expires": date,
    "level": one_of("attested", "simulated"),
    "roots": _listed(hex_bytes(32)),
    "configurations": _hashes(32),
    "runtimes": _hashes(32),
    "operators": _hashes(20),
    "chain": or_any(shape({"chainId": decimal(256), "registry": hex_bytes(20), "settlement": hex_bytes(20)})),
    "publishers": _hashes(64),
    "models": _hashes(32),
    "sealed": one_of("any", "required"),
    "headers": one_of("any", "client-only"),
    "anchors": either(
        literal("none"), shape({"cosigners": _listed(hex_bytes(64)), "maxKeyAgeSeconds": _SECONDS})
    ),
}

_NITRO: dict[str, Any] = {
    **_COMMON,
    "tee": literal("aws-nitro"),
    "images": or_any(_listed(shape({f"pcr{index}": hex_bytes(48) for index in range(3)}))),
    "pcrs": shape({index: _hashes(48) for index in ("3", "4", "8")}),
    "debug": _REFUSE_OR_ALLOW,
    "maxAgeSeconds": or_any(_SECONDS),
    "futureSkewSeconds": _SECONDS,
    "leafLifetimeSeconds": or_any(_SECONDS),
    "moduleId": one_of("any", "matches-certificate"),
    "regions": or_any(_listed(text(1, 32, "[a-z0-9-]+"))),
    "unknownFields": one_of("refuse", "ignore"),
    "userDataLimit": either(literal(512), literal(1024)),
    "denied": shape(
        {"certificates": _listed(hex_bytes(32)), "modules": _listed(text(1, 128)), "images": _listed(hex_bytes(48))}
    ),
}

_FLOOR: dict[str, Any] = {
    "bootloader": _BYTE,
    "tee": _BYTE,
    "snp": _BYTE,
    "microcode": or_any(_listed(shape({"model": _BYTE, "stepping": _BYTE, "minimum": _BYTE}))),
}
_FLOORS = shape(
    {"Milan": or_any(shape(_FLOOR)), "Genoa": or_any(shape(_FLOOR)), "Turin": or_any(shape({**_FLOOR, "fmc": _BYTE}))}
)
_FIRMWARE = or_any(shape({"major": _BYTE, "minor": _BYTE, "build": _BYTE}))
_SIGNERS = array(one_of("VCEK", "VLEK"), 0, 2)


def _mitigations(value: object) -> int:
    return int(text(16, 16, "[0-9a-f]{16}")(value), 16)


GUEST_BITS = {
    "smtAllowed": 16,
    "singleSocket": 20,
    "cxlAllowed": 21,
    "aes256Xts": 22,
    "raplDisabled": 23,
    "ciphertextHiding": 24,
    "pageSwapDisabled": 25,
}
PLATFORM_BITS = {
    "aliasCheckComplete": 5,
    "smtEnabled": 0,
    "tsmeEnabled": 1,
    "eccEnabled": 2,
    "raplDisabled": 3,
    "ciphertextHiding": 4,
    "iommuWriteSafe": 6,
    "tioEnabled": 7,
}

_SNP: dict[str, Any] = {
    **_COMMON,
    "tee": literal("amd-sev-snp"),
    "measurements": _hashes(48),
    "reportVersions": array(either(literal(2), either(literal(3), literal(5))), 0, 3),
    "maxAgeSeconds": or_any(_SECONDS),
    "products": shape({"Milan": _SIGNERS, "Genoa": _SIGNERS, "Turin": _SIGNERS}),
    "vmpl": array(integer(0, 3), 0, 4),
    "tcb": shape({"reported": _FLOORS, "committed": _FLOORS, "launch": _FLOORS}),
    "provisionalFirmware": _REFUSE_OR_ALLOW,
    "firmware": shape({"current": _FIRMWARE, "committed": _FIRMWARE}),
    "maskedChipId": one_of("refuse", "vlek-only", "allow"),
    "chips": _hashes(64),
    "cspIds": or_any(_listed(text(1, 128))),
    "guestPolicy": shape(
        {
            "debug": _REFUSE_OR_ALLOW,
            "migrationAgent": _REFUSE_OR_ALLOW,
            **{name: _BIT for name in GUEST_BITS},
            "minimumAbi": or_any(shape({"major": _BYTE, "minor": _BYTE})),
        }
    ),
    "platform": shape({**{name: _BIT for name in PLATFORM_BITS}, "unknownBits": one_of("refuse", "ignore")}),
    "minimumGuestSvn": or_any(integer(0, 0xFFFF_FFFF)),
    "hostData": _hashes(32),
    "familyIds": _hashes(16),
    "imageIds": _hashes(16),
    "idKeyDigests": _hashes(48),
    "authorKeyDigests": _hashes(48),
    "reportIds": _hashes(32),
    "migrationAgents": either(one_of("any", "none"), _listed(hex_bytes(32))),
    "mitigations": shape({"launch": or_any(_mitigations), "current": or_any(_mitigations)}),
    "revocationList": one_of("any", "required"),
    "denied": shape(
        {
            "certificates": _listed(hex_bytes(32)),
            "chips": _listed(hex_bytes(64)),
            "measurements": _listed(hex_bytes(48)),
        }
    ),
}

_SHAPES: dict[str, dict[str, Any]] = {"aws-nitro": _NITRO, "amd-sev-snp": _SNP}
