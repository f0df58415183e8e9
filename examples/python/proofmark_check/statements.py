"""Deterministic CBOR whose hash is attested or receipted: configuration, runtime and execution."""

from __future__ import annotations

from typing import Any

from . import cbor
from .encoding import uint_word
from .errors import Malformed
from .fields import array, either, integer, literal, nullable, octets, one_of, shape, text, uint_of_word

CONFIGURATION_BYTES = 262_144
STATEMENT_BYTES = 32_768
MODELS = 1_024
PUBLISHERS = 64
BODY_BYTES = 16_777_216
_ZERO_ADDRESS = 20

_SHORT = text(1, 64)
_RUNTIME: dict[str, Any] = {
    "engine": _SHORT,
    "version": _SHORT,
    "provider": _SHORT,
    "optimisation": one_of("disabled", "basic", "extended", "all"),
    "threads": integer(1, 1_024),
}
_DECIMAL = text(1, 24, r"(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
_EXECUTION: dict[str, Any] = {
    **_RUNTIME,
    "cpuFamily": text(1, 128),
    "cpuIsa": text(1, 256),
    "layout": _SHORT,
    "schedule": _SHORT,
    "generation": nullable(
        shape(
            {
                "sampler": _SHORT,
                "temperature": _DECIMAL,
                "topP": _DECIMAL,
                "stop": array(text(1, 1_024), 0, 16),
                "maxTokens": integer(1, 2**31),
            }
        )
    ),
}
_CONFIGURATION: dict[str, Any] = {
    "version": literal(1),
    "publishers": array(octets(64), 1, PUBLISHERS),
    "models": either(literal("any"), array(octets(32), 1, MODELS)),
    "prices": array(
        shape({"model": either(literal("any"), octets(32)), "operation": integer(0, 2), "unitPrice": uint_of_word(128)}),
        1,
        3 * (MODELS + 1),
    ),
    "limits": shape(
        {
            "bodyBytes": integer(1, BODY_BYTES),
            "responseBytes": integer(1, BODY_BYTES),
            "releaseBytes": integer(1, 2**31 - 1),
            "models": integer(1, MODELS),
            "modelMemoryBytes": integer(64 * 1024 * 1024, 2**40),
            "runMilliseconds": integer(1, 3_600_000),
            "pending": integer(1, 4_096),
            "sessions": integer(1, 4_096),
            "unacknowledgedLeaves": integer(1, 4_096),
            "channels": integer(0, 65_536),
        }
    ),
    "operator": octets(_ZERO_ADDRESS),
    "chainId": uint_of_word(256),
    "registry": octets(20),
    "settlement": octets(20),
    "telemetry": one_of("none", "counters"),
}

Statement = dict[str, Any]


def decode_configuration(data: bytes) -> Statement:
    value = shape(_CONFIGURATION)(cbor.decode(data, cbor.Profile(CONFIGURATION_BYTES)))
    lines = [(line["model"], line["operation"]) for line in value["prices"]]
    if len(set(lines)) != len(lines):
        raise Malformed("field_invalid", "two prices for one thing")
    return value


def encode_configuration(value: Statement) -> bytes:
    prices = [{**line, "unitPrice": uint_word(line["unitPrice"], 128)} for line in value["prices"]]
    return cbor.encode({**value, "prices": prices, "chainId": uint_word(value["chainId"])})


def decode_runtime(data: bytes) -> Statement:
    return shape(_RUNTIME)(cbor.decode(data, cbor.Profile(STATEMENT_BYTES)))


def decode_execution(data: bytes) -> Statement:
    return shape(_EXECUTION)(cbor.decode(data, cbor.Profile(STATEMENT_BYTES)))


def unit_price(configuration: Statement, model_id: bytes, operation: int) -> int:
    """A line for the model wins over one for any; without a line the operation is not offered, and costs nothing to ask."""
    lines = {line["model"]: line["unitPrice"] for line in configuration["prices"] if line["operation"] == operation}
    price: int = lines.get(model_id, lines.get("any", 0))
    return price
