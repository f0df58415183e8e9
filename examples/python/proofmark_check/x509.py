"""Certificates and revocation lists (RFC 5280) in the profile that AWS and AMD use. Knows nothing of trust."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import der
from .der import Element
from .errors import Malformed
from .signatures import P384_ORDER, is_p384_point
from .x509_extensions import Extensions, parse_extensions

CERTIFICATE_BYTES = 4_096
REVOCATION_LIST_BYTES = 65_536
REVOKED_CERTIFICATES = 1_024
NAME_ATTRIBUTES = 16
RSA_BYTES = 512

_PSS_384 = "a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130"
# AMD's CAs spell out the default trailer field, its leaves leave it out; there is no third spelling.
_PSS_SPELLINGS = {bytes.fromhex("3034" + _PSS_384), bytes.fromhex("3039" + _PSS_384 + "a303020101")}


@dataclass(frozen=True)
class Name:
    raw: bytes
    common_name: str | None


@dataclass(frozen=True)
class Signed:
    """What is signed, and the signature: `kind` is ecdsa-with-SHA384, RSASSA-PSS, or an OID that is of no use."""

    tbs: bytes
    kind: str
    value: bytes


@dataclass(frozen=True)
class Key:
    """`kind` is P-384 (an uncompressed point), RSA-4096 (a modulus), or an OID that is of no use."""

    kind: str
    value: bytes


@dataclass(frozen=True)
class Certificate:
    raw: bytes
    serial: bytes
    issuer: Name
    subject: Name
    not_before: int
    not_after: int
    key: Key
    extensions: Extensions
    signed: Signed


@dataclass(frozen=True)
class RevocationList:
    issuer: Name
    this_update: int
    next_update: int
    revoked: list[bytes]
    signed: Signed


def parse_certificate(data: bytes, amd: bool = False) -> Certificate:
    """`amd`: serial numbers may be zero, and a key usage may end in a zero bit, as in AMD's genuine certificates."""
    if not 0 < len(data) <= CERTIFICATE_BYTES:
        raise Malformed("certificate_too_large", f"{len(data)} bytes", "X1")
    tbs, outer_algorithm, signature = _signed_parts(data)
    fields = der.inside(tbs)
    _check_version(fields.read_optional(der.context(0, True)))
    serial = _serial(fields.read(der.INTEGER), amd)
    kind = _algorithm(fields.read(der.SEQUENCE), outer_algorithm)
    issuer = _name(fields.read(der.SEQUENCE))
    validity = der.inside(fields.read(der.SEQUENCE))
    not_before, not_after = _time(validity), _time(validity)
    validity.end()
    subject = _name(fields.read(der.SEQUENCE))
    key = _key(fields.read(der.SEQUENCE))
    extensions = parse_extensions(fields.read_optional(der.context(3, True)), amd)
    fields.end()
    signed = _signature(kind, tbs, signature)
    return Certificate(data, serial, issuer, subject, not_before, not_after, key, extensions, signed)


def parse_revocation_list(data: bytes) -> RevocationList:
    """Version 2, complete, and by its own issuer: a critical extension may mean something else."""
    if len(data) > REVOCATION_LIST_BYTES:
        raise Malformed("revocation_list_invalid", f"{len(data)} bytes", "C19.form")
    tbs, outer_algorithm, signature = _signed_parts(data)
    fields = der.inside(tbs)
    if der.integer_bytes(fields.read(der.INTEGER)) != b"\x01":
        raise der.error("not version 2")
    kind = _algorithm(fields.read(der.SEQUENCE), outer_algorithm)
    issuer = _name(fields.read(der.SEQUENCE))
    this_update, next_update = _time(fields), _time(fields)
    entries = fields.read_optional(der.SEQUENCE)
    extensions = fields.read_optional(der.context(0, True))
    fields.end()
    if extensions is not None:
        _refuse_critical(der.only(extensions.contents, der.SEQUENCE))
    revoked = [] if entries is None else _revoked(entries)
    return RevocationList(issuer, this_update, next_update, revoked, _signature(kind, tbs, signature))


def ecdsa_p384(value: bytes) -> bytes:
    """Ecdsa-Sig-Value to r || s. A high s is genuine: AWS emits it."""
    pair = der.inside(der.only(value, der.SEQUENCE))
    scalars = [der.unsigned(pair.read(der.INTEGER)), der.unsigned(pair.read(der.INTEGER))]
    pair.end()
    if not all(0 < int.from_bytes(scalar, "big") < P384_ORDER for scalar in scalars):
        raise Malformed("certificate_signature_format", "r or s is not in 1..n-1", "C18")
    return b"".join(scalar.rjust(48, b"\0") for scalar in scalars)


def _signed_parts(data: bytes) -> tuple[Element, Element, Element]:
    outer = der.inside(der.only(data, der.SEQUENCE))
    parts = outer.read(der.SEQUENCE), outer.read(der.SEQUENCE), outer.read(der.BIT_STRING)
    outer.end()
    return parts


def _check_version(element: Element | None) -> None:
    if element is None or der.integer_bytes(der.only(element.contents, der.INTEGER)) != b"\x02":
        raise Malformed("certificate_version", "not version 3", "C2")


def _serial(element: Element, zero_too: bool) -> bytes:
    serial = der.integer_bytes(element)
    if zero_too and not any(serial):
        return serial
    length = len(serial) - 1 if serial[0] == 0 else len(serial)
    if serial[0] >= 0x80 or not any(serial) or length > 20:
        raise Malformed("certificate_serial", "not a positive number of at most 20 bytes", "C15")
    return serial


def _algorithm(inner: Element, outer: Element) -> str:
    if inner.raw != outer.raw:
        raise Malformed("certificate_algorithm_mismatch", "signed and unsigned algorithm differ", "C3")
    cursor = der.inside(inner)
    oid = der.oid(cursor.read(der.OID))
    if oid == "1.2.840.10045.4.3.3":
        cursor.end()
        return "ecdsa-with-SHA384"
    if oid != "1.2.840.113549.1.1.10":
        return oid
    parameters = cursor.read(der.SEQUENCE)
    cursor.end()
    return "RSASSA-PSS" if parameters.raw in _PSS_SPELLINGS else oid


def _signature(kind: str, tbs: Element, element: Element) -> Signed:
    value = der.bit_string_bytes(element)
    if kind == "ecdsa-with-SHA384":
        value = ecdsa_p384(value)
    if kind == "RSASSA-PSS" and len(value) != RSA_BYTES:
        raise Malformed("certificate_signature_format", f"{len(value)} bytes of RSASSA-PSS", "C18")
    return Signed(tbs.raw, kind, value)


def _name(element: Element) -> Name:
    """One attribute in each part, so that there is one common name at most."""
    parts = der.inside(element)
    common_name: str | None = None
    attributes = 0
    while not parts.done:
        attributes += 1
        if attributes > NAME_ATTRIBUTES:
            raise Malformed("certificate_name", "too many attributes", "C1")
        attribute_set = der.inside(parts.read(der.SET))
        attribute = der.inside(attribute_set.read(der.SEQUENCE))
        attribute_set.end()
        oid = der.oid(attribute.read(der.OID))
        value = attribute.read_any()
        attribute.end()
        if value.tag & der.CONSTRUCTED:
            raise Malformed("certificate_name", "an attribute that is not a plain string", "C1")
        if oid == "2.5.4.3":
            if common_name is not None:
                raise Malformed("certificate_name", "two common names", "C1")
            common_name = _common_name(value)
    if attributes == 0:
        raise Malformed("certificate_name", "an empty name", "C1")
    return Name(element.raw, common_name)


def _common_name(element: Element) -> str:
    name = element.contents.decode("latin-1")
    plain = element.tag in (der.UTF8_STRING, der.PRINTABLE_STRING)
    if not plain or re.fullmatch(r"[\x20-\x7e]{1,64}", name) is None:
        raise Malformed("certificate_name", "not 1 to 64 printable characters", "C1")
    return name


def _time(cursor: der.Cursor) -> int:
    return der.time(cursor.read_optional(der.UTC_TIME) or cursor.read(der.GENERALIZED_TIME))


def _key(element: Element) -> Key:
    info = der.inside(element)
    algorithm = der.inside(info.read(der.SEQUENCE))
    value = info.read(der.BIT_STRING)
    info.end()
    oid = der.oid(algorithm.read(der.OID))
    bits = der.bit_string_bytes(value)
    if oid != "1.2.840.10045.2.1":
        return _rsa_key(oid, algorithm, bits)
    # A named curve, never spelt-out parameters: CVE-2020-0601 came from those.
    curve = der.oid(algorithm.read(der.OID))
    algorithm.end()
    if curve != "1.3.132.0.34":
        return Key(curve, b"")
    if not is_p384_point(bits):
        raise Malformed("certificate_key", "not an uncompressed point of P-384", "C5")
    return Key("P-384", bits)


def _rsa_key(oid: str, algorithm: der.Cursor, bits: bytes) -> Key:
    parameters = algorithm.read_optional(der.NULL)
    if parameters is not None and parameters.contents:
        raise der.error("NULL with contents")
    if oid != "1.2.840.113549.1.1.1" or parameters is None:
        return Key(oid, b"")
    pair = der.inside(der.only(bits, der.SEQUENCE))
    modulus, exponent = der.unsigned(pair.read(der.INTEGER)), der.unsigned(pair.read(der.INTEGER))
    pair.end()
    usual = len(modulus) == RSA_BYTES and modulus[0] >= 0x80 and modulus[-1] % 2 == 1 and exponent == b"\x01\x00\x01"
    return Key("RSA-4096", modulus) if usual and algorithm.done else Key(oid, b"")


def _revoked(element: Element) -> list[bytes]:
    entries = der.inside(element)
    revoked: list[bytes] = []
    while not entries.done:
        entry = der.inside(entries.read(der.SEQUENCE))
        revoked.append(der.integer_bytes(entry.read(der.INTEGER)))
        _time(entry)
        extensions = entry.read_optional(der.SEQUENCE)
        entry.end()
        if extensions is not None:
            _refuse_critical(extensions)
    if not 0 < len(revoked) <= REVOKED_CERTIFICATES:
        raise der.error("a list of entries that is empty or too long")
    return revoked


def _refuse_critical(element: Element) -> None:
    entries = der.inside(element)
    while not entries.done:
        fields = der.inside(entries.read(der.SEQUENCE))
        oid = der.oid(fields.read(der.OID))
        critical = fields.read_optional(der.BOOLEAN)
        fields.read(der.OCTET_STRING)
        fields.end()
        if critical is not None and der.boolean(critical):
            raise der.error(f"critical extension {oid}")
