"""What an attestation binds: the identity words, and the log, image and registers that follow from them."""

from __future__ import annotations

import hashlib

from .encoding import Words, address, decode_words, encode_words, octets, raw, sha256, tag_word, uint
from .errors import Malformed

VERSION = 1

LAYOUT = [
    uint("version", 32),
    raw("signerX"),
    raw("signerY"),
    raw("sealKey"),
    address("operator"),
    uint("chainId"),
    address("registry"),
    address("settlement"),
    raw("config"),
    raw("runtime"),
]


def encode_identity(identity: Words) -> bytes:
    return encode_words(LAYOUT, identity)


def decode_identity(data: bytes) -> dict[str, int | bytes]:
    identity = decode_words(LAYOUT, data)
    if identity["version"] != VERSION:
        raise Malformed("field_invalid", "an unknown version of the identity")
    return identity


def log_of(identity: bytes) -> bytes:
    """The name under which everything about one key epoch is kept."""
    return sha256(tag_word("proofmark identity v1"), identity)


def signer_point(identity: Words) -> bytes:
    return b"\x04" + octets(identity, "signerX") + octets(identity, "signerY")


def image_id(tee: str, measurements: list[bytes]) -> bytes:
    """Measurements are raw 48 bytes, not words."""
    return sha256(tag_word("proofmark image v1"), tag_word(tee), *measurements)


def extended_register(configuration_hash: bytes) -> bytes:
    """PCR16 after one extension with the configuration's hash."""
    return hashlib.sha384(bytes(48) + configuration_hash).digest()
