"""The words of a request, and what requester and worker hash of it."""

from __future__ import annotations

from .encoding import Words, bytes_word, decode_words, encode_words, raw, sha256, tag_word, uint, uint_word
from .errors import Malformed

HEADER_BYTES = 384
INFER, CHAT, COMPLETION = range(3)
BINARY, JSON, INTEGERS = range(3)
DISCLOSE, SEALED, STREAMED = 1, 2, 4
ALL_FLAGS = DISCLOSE | SEALED | STREAMED

LAYOUT = [
    raw("requestId"),
    raw("modelId"),
    uint("operation", 8),
    uint("format", 8),
    uint("jsonLength", 32),
    uint("flags", 8),
    raw("salt"),
    raw("channel"),
    uint("unitPrice", 128),
    uint("maxFee", 128),
    uint("deadline", 64),
    raw("seed"),
]


def encode_header(header: Words) -> bytes:
    return encode_words(LAYOUT, header)


def decode_header(data: bytes) -> dict[str, int | bytes]:
    header = decode_words(LAYOUT, data)
    operation, format, flags = (header[name] for name in ("operation", "format", "flags"))
    assert isinstance(operation, int) and isinstance(format, int) and isinstance(flags, int)
    if operation > COMPLETION or format > INTEGERS or flags & ~ALL_FLAGS:
        raise Malformed("field_invalid", "an unknown operation, format or flag")
    return header


def check_json_length(format: int, json_length: int, body_length: int) -> None:
    """All of a JSON body is JSON, of a binary one its header, of integers nothing: one body has one spelling."""
    right = {
        BINARY: 0 < json_length <= body_length,
        JSON: json_length == body_length,
        INTEGERS: json_length == 0,
    }
    if not right.get(format, False):
        raise Malformed("field_invalid", "jsonLength does not fit the body")


def request_hash(header: bytes, body_hash: bytes) -> bytes:
    return sha256(b"\x02", header, bytes_word(body_hash))


def response_hash(salt: bytes, status: int, format: int, json_length: int, body_hash: bytes) -> bytes:
    words = [uint_word(status, 8), uint_word(format, 8), uint_word(json_length, 32), bytes_word(body_hash)]
    return sha256(b"\x03", bytes_word(salt), *words)


def api_seed(seed: int) -> bytes:
    """The header's seed for a seed of the API."""
    return sha256(tag_word("proofmark seed v1"), str(seed).encode("ascii"))
