"""AWS Nitro attestation documents: a COSE_Sign1 message (RFC 9052) and what the document in it says about itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from . import cbor
from .errors import Malformed
from .x509 import Certificate, parse_certificate

DOCUMENT_BYTES = 18_432
PAYLOAD_BYTES = 16_384
CERTIFICATE_BYTES = 1_024
BUNDLE_CERTIFICATES = 8
BINDING_BYTES = 1_024
PCRS = 32
LARGEST_EXACT = 2**53 - 1

_CHECK_OF = {"cbor_depth": "X2", "cbor_items": "X2", "trailing_bytes": "X3", "cbor_duplicate_key": "X4"}
_KNOWN = {
    *("module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"),
    *("public_key", "user_data", "nonce"),
}


@dataclass(frozen=True)
class Document:
    """What a document says about itself. `certificates` are its bundle and its leaf, root first."""

    signed: bytes
    signature: bytes
    module_id: str
    timestamp: int
    pcrs: dict[int, bytes]
    certificates: list[Certificate]
    public_key: bytes | None
    user_data: bytes | None
    nonce: bytes | None
    unknown_fields: list[str]

    @property
    def is_debug(self) -> bool:
        return all(index in self.pcrs and not any(self.pcrs[index]) for index in range(3))


def parse_document(data: bytes) -> Document:
    if not 0 < len(data) <= DOCUMENT_BYTES:
        raise Malformed("document_too_large", f"{len(data)} bytes", "X1")
    payload, signature, signed = _cose(data)
    fields = _decode(payload, cbor.Profile(PAYLOAD_BYTES, indefinite_maps=True, any_order=True), "N8")
    if not isinstance(fields, dict) or not all(isinstance(name, str) for name in fields):
        raise Malformed("document_field_invalid", "the payload is no map with names of text", "N8")
    if _mandatory(fields, "digest") != "SHA384":
        raise Malformed("digest_unsupported", "not SHA384", "N11")
    bundle = _bundle(fields)
    return Document(
        signed=signed,
        signature=signature,
        module_id=bundle[0],
        timestamp=bundle[1],
        pcrs=bundle[2],
        certificates=[parse_certificate(each) for each in bundle[3]],
        public_key=_binding(fields, "public_key", 1),
        user_data=_binding(fields, "user_data", 0),
        nonce=_binding(fields, "nonce", 0),
        unknown_fields=[str(name) for name in fields if name not in _KNOWN],
    )


def _cose(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Payload, signature, and the bytes that were signed (RFC 9052 section 4.4)."""
    tagged = data[0] == 0xD2
    if not tagged and data[0] >> 5 == 6:
        raise Malformed("cose_tag", "another tag, or 18 in a longer form", "N1")
    message = _decode(data[1:] if tagged else data, cbor.Profile(DOCUMENT_BYTES), "N2")
    if not isinstance(message, list) or len(message) != 4:
        raise Malformed("cose_structure", "not an array of four", "N2")
    header, unprotected, payload, signature = message
    if header != bytes.fromhex("a1013822"):
        raise Malformed("cose_protected_header", "not the bytes a1013822", "N3")
    if unprotected != {} or not isinstance(unprotected, dict):
        raise Malformed("cose_unprotected_header", "not an empty map", "N4")
    if not isinstance(payload, bytes) or not 0 < len(payload) <= PAYLOAD_BYTES:
        raise Malformed("cose_payload", "not a byte string of 1 to 16384 bytes", "N5")
    if not isinstance(signature, bytes) or len(signature) != 96:
        raise Malformed("cose_signature_length", "not a byte string of 96 bytes", "N6")
    return payload, signature, cbor.encode(["Signature1", header, b"", payload])


def _decode(data: bytes, profile: cbor.Profile, check: str) -> cbor.Value:
    try:
        return cbor.decode(data, profile)
    except Malformed as error:
        raise Malformed("cbor_invalid", error.detail, _CHECK_OF.get(error.code, check)) from error


def _bundle(fields: dict[Any, Any]) -> tuple[str, int, dict[int, bytes], list[bytes]]:
    module_id = _mandatory(fields, "module_id")
    if not isinstance(module_id, str) or re.fullmatch(r"[\x21-\x7e]{1,128}", module_id) is None:
        raise Malformed("document_field_invalid", "not a module id", "N9")
    timestamp = _mandatory(fields, "timestamp")
    if isinstance(timestamp, bool) or not isinstance(timestamp, int) or not 0 < timestamp <= LARGEST_EXACT:
        raise Malformed("timestamp_invalid", "not a positive integer below 2^53", "N12")
    pcrs = _pcrs(_mandatory(fields, "pcrs"))
    leaf = _certificate(_mandatory(fields, "certificate"))
    bundle = _mandatory(fields, "cabundle")
    if not isinstance(bundle, list) or not 0 < len(bundle) <= BUNDLE_CERTIFICATES:
        raise Malformed("certificates_invalid", f"not a list of 1 to {BUNDLE_CERTIFICATES}", "N14")
    return module_id, timestamp, pcrs, [*map(_certificate, bundle), leaf]


def _mandatory(fields: dict[Any, Any], name: str) -> Any:
    value = fields.get(name)
    if value is None:
        raise Malformed("document_field_missing", name, "N9")
    return value


def _pcrs(value: object) -> dict[int, bytes]:
    if not isinstance(value, dict) or not 0 < len(value) <= PCRS:
        raise Malformed("pcrs_invalid", f"not a map of 1 to {PCRS}", "N13")
    for index, content in value.items():
        if not isinstance(index, int) or not 0 <= index < PCRS:
            raise Malformed("pcrs_invalid", "an index out of range", "N13")
        if not isinstance(content, bytes) or len(content) != 48:
            raise Malformed("pcrs_invalid", f"PCR{index} has not 48 bytes", "N13")
    return value


def _certificate(value: object) -> bytes:
    if not isinstance(value, bytes) or not 0 < len(value) <= CERTIFICATE_BYTES:
        raise Malformed("certificates_invalid", f"not 1 to {CERTIFICATE_BYTES} bytes", "N14")
    return value


def _binding(fields: dict[Any, Any], name: str, least: int) -> bytes | None:
    """Absent and null mean the same: AWS's prose forbids null, and every genuine document has it."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, bytes) or not least <= len(value) <= BINDING_BYTES:
        raise Malformed("document_field_invalid", name, "N16")
    return value
