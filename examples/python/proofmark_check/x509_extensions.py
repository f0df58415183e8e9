"""The extensions of a certificate that path validation reads (RFC 5280 section 4.2.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import der
from .der import Element
from .errors import Malformed

EXTENSIONS = 32


@dataclass(frozen=True)
class Extensions:
    is_ca: bool = False
    constraints_critical: bool = False
    path_length: int | None = None
    """None: the certificate has no key usage."""
    key_usage: list[bool] | None = None
    subject_key: bytes | None = None
    authority_key: bytes | None = None
    unknown_critical: list[str] = field(default_factory=list)
    """What is read elsewhere or nowhere, by OID."""
    others: dict[str, bytes] = field(default_factory=dict)


def parse_extensions(wrapper: Element | None, amd: bool) -> Extensions:
    if wrapper is None:
        return Extensions()
    found = _all_extensions(wrapper)
    unknown = {oid: entry for oid, entry in found.items() if oid not in _KNOWN}
    ca, ca_critical, path_length = _basic_constraints(found.get("2.5.29.19"))
    return Extensions(
        is_ca=ca,
        constraints_critical=ca_critical,
        path_length=path_length,
        key_usage=_key_usage(found.get("2.5.29.15"), amd),
        subject_key=_subject_key(found.get("2.5.29.14")),
        authority_key=_authority_key(found.get("2.5.29.35")),
        unknown_critical=[oid for oid, (critical, _) in unknown.items() if critical],
        others={oid: value for oid, (_, value) in unknown.items()},
    )


_KNOWN = {"2.5.29.14", "2.5.29.15", "2.5.29.19", "2.5.29.35"}
_Raw = tuple[bool, bytes]


def _all_extensions(wrapper: Element) -> dict[str, _Raw]:
    entries = der.inside(der.only(wrapper.contents, der.SEQUENCE))
    found: dict[str, _Raw] = {}
    while True:
        fields = der.inside(entries.read(der.SEQUENCE))
        oid = der.oid(fields.read(der.OID))
        critical = fields.read_optional(der.BOOLEAN)
        # DER leaves a default out: an explicit FALSE is a second spelling.
        if critical is not None and not der.boolean(critical):
            raise _extension("critical is spelt out as FALSE")
        value = fields.read(der.OCTET_STRING)
        fields.end()
        if oid in found:
            raise Malformed("certificate_extension_duplicate", oid, "C14")
        if len(found) == EXTENSIONS:
            raise _extension("too many extensions")
        found[oid] = critical is not None, value.contents
        if entries.done:
            return found


def _basic_constraints(extension: _Raw | None) -> tuple[bool, bool, int | None]:
    if extension is None:
        return False, False, None
    fields = der.inside(der.only(extension[1], der.SEQUENCE))
    flag = fields.read_optional(der.BOOLEAN)
    if flag is not None and not der.boolean(flag):
        raise _extension("cA is spelt out as FALSE")
    length = fields.read_optional(der.INTEGER)
    fields.end()
    if length is not None and flag is None:
        raise _extension("a path length without cA")
    return flag is not None, extension[0], None if length is None else der.count(length)


def _key_usage(extension: _Raw | None, amd: bool) -> list[bool] | None:
    if extension is None:
        return None
    bits = der.named_bits(der.only(extension[1], der.BIT_STRING), amd)
    if any(bits[9:]):
        raise _extension("a key usage that is not defined")
    return bits


def _subject_key(extension: _Raw | None) -> bytes | None:
    return None if extension is None else _not_empty(der.only(extension[1], der.OCTET_STRING))


def _authority_key(extension: _Raw | None) -> bytes | None:
    if extension is None:
        return None
    fields = der.inside(der.only(extension[1], der.SEQUENCE))
    identifier = fields.read(der.context(0, False))
    fields.end()
    return _not_empty(identifier)


def _not_empty(element: Element) -> bytes:
    if not element.contents:
        raise _extension("an empty key identifier")
    return element.contents


def _extension(detail: str) -> Malformed:
    return Malformed("certificate_extension", detail, "C1")
