"""Everything else that one party signs or hashes and another checks: a tag word, and fixed words behind it."""

from __future__ import annotations

from .encoding import Layout, Words, address, encode_words, raw, sha256, tag_word, uint

_CHAIN = uint("chainId")
_REGISTRY = address("registry")
_SETTLEMENT = address("settlement")

CHANNEL = [_CHAIN, _SETTLEMENT, address("payer"), address("payee"), raw("sessionX"), raw("sessionY"), raw("salt")]
VOUCHER = [_CHAIN, _SETTLEMENT, raw("channel"), raw("log"), uint("maxCumulative", 128)]
ESCROW = [_CHAIN, _SETTLEMENT, address("requester"), uint("nonce"), raw("previousBlockHash")]
REGISTER = [raw("log"), raw("challenge")]
REVOKE = [_CHAIN, _REGISTRY, raw("log")]
BLOCK_CHALLENGE = [_CHAIN, _REGISTRY, address("operator"), uint("blockNumber"), raw("blockHash")]
ISSUED_CHALLENGE = [
    *(_CHAIN, _REGISTRY, address("operator")),
    *(uint("nonce"), raw("previousBlockHash"), uint("prevrandao")),
]
LISTING = [
    *(_CHAIN, _REGISTRY, raw("modelId"), raw("nameHash")),
    *(uint("major", 32), uint("minor", 32), uint("patch", 32)),
]
UPLOAD = [raw("hub"), raw("nonce"), raw("modelId"), uint("private", 8), raw("contents")]
KMS = [raw("log"), raw("modelId")]


def message(tag: str, layout: Layout, fields: Words) -> bytes:
    return tag_word(tag) + encode_words(layout, fields)


def channel_id(fields: Words) -> bytes:
    return sha256(message("proofmark channel v1", CHANNEL, fields))


def escrow_id(fields: Words) -> bytes:
    """Also the id, the salt and the only nullifier of a request that a contract made."""
    return sha256(message("proofmark escrow v1", ESCROW, fields))


def on_chain_seed(request_id: bytes) -> bytes:
    """The host cannot choose it."""
    return sha256(request_id)
