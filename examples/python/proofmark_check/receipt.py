"""Receipts and heads as words and hashes, and the bundle in which they come with every answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import cbor
from .encoding import address, decode_words, from_base64url, number, raw, sha256, tag_word, uint
from .errors import Malformed
from .fields import Reader, array, octets, shape
from .request import ALL_FLAGS

RECEIPT_BYTES = 416
HEAD_BYTES = 192
BUNDLE_BYTES = 65_536
PROOF_HASHES = 49
STATUSES = ("ok", "cancelled", "modelError", "stopped", "refused")
OK, CANCELLED = 0, 1

LAYOUT = [
    *(raw(name) for name in ("requestId", "channel", "modelId", "requestHash", "responseHash")),
    raw("commitment"),
    raw("execution"),
    uint("flags", 8),
    uint("status", 8),
    uint("fee", 128),
    uint("cumulativeFee", 128),
    uint("deadline", 64),
    uint("index", 48),
]
HEAD_LAYOUT = [
    raw("tag"),
    uint("chainId"),
    address("settlement"),
    raw("log"),
    uint("size", 48),
    raw("root"),
]


@dataclass(frozen=True)
class Bundle:
    """What comes with every answer, as the bytes that were signed or hashed."""

    receipt: bytes
    execution: bytes
    proof: list[bytes]
    head: bytes
    signature: bytes


def bundle_fields(octets: Callable[..., Reader[bytes]]) -> dict[str, Reader[Any]]:
    """The parts of a bundle, whichever way their bytes are written."""
    return {
        "receipt": octets(RECEIPT_BYTES),
        "execution": octets(1, 32_768),
        "proof": array(octets(32), 0, PROOF_HASHES),
        "head": octets(HEAD_BYTES),
        "signature": octets(64),
    }


_BUNDLE = shape(bundle_fields(octets))


def decode_bundle(data: bytes) -> Bundle:
    return Bundle(**_BUNDLE(cbor.decode(data, cbor.Profile(BUNDLE_BYTES))))


def bundle_of_header(text: str) -> Bundle:
    """The `Proofmark-Receipt` header of an answer that was not sealed."""
    return decode_bundle(from_base64url(text))


def decode_receipt(data: bytes) -> dict[str, int | bytes]:
    receipt = decode_words(LAYOUT, data)
    if number(receipt, "status") >= len(STATUSES) or number(receipt, "flags") & ~ALL_FLAGS:
        raise Malformed("field_invalid", "an unknown status or flag")
    return receipt


def decode_head(data: bytes) -> dict[str, int | bytes]:
    head = decode_words(HEAD_LAYOUT, data)
    if head["tag"] != tag_word("proofmark head v1"):
        raise Malformed("tag_mismatch", "not a head")
    return head


def leaf_hash(receipt: bytes) -> bytes:
    return sha256(b"\x00", receipt)
