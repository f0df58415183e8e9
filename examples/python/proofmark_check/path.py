"""Path validation (RFC 5280 section 6) over a chain in a fixed order, root first: nothing is searched for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .encoding import sha256
from .signatures import verify_p384, verify_rsa_pss_384
from .verdict import Finding, Rules, demand, failed, passed
from .x509 import Certificate, Key, Signed

_DIGITAL_SIGNATURE = 0
_KEY_CERT_SIGN = 5


@dataclass(frozen=True)
class Profile:
    """What one vendor's certificates look like. AMD's leaves have no key usage at all."""

    signature: str
    issuer_key: str
    leaf_without_usage: bool


NITRO = Profile("ecdsa-with-SHA384", "P-384", False)
AMD = Profile("RSASSA-PSS", "RSA-4096", True)
LEAF_KEY = "P-384"


@dataclass(frozen=True)
class Path:
    """A root, issuers, and a leaf; the roots that may be trusted by their SHA-256; the time to judge at."""

    certificates: list[Certificate]
    profile: Profile
    trusted_roots: list[bytes]
    now: int

    @property
    def root_sha256(self) -> bytes:
        return sha256(self.certificates[0].raw)

    @property
    def issuers(self) -> list[Certificate]:
        return self.certificates[:-1]

    @property
    def links(self) -> list[tuple[int, Certificate, Certificate]]:
        pairs = zip(self.certificates, self.certificates[1:])
        return [(index + 1, issuer, subject) for index, (issuer, subject) in enumerate(pairs)]


def is_signed_by(key: Key, signed: Signed) -> bool:
    if key.kind == "P-384" and signed.kind == "ecdsa-with-SHA384":
        return verify_p384(key.value, signed.tbs, signed.value)
    if key.kind == "RSA-4096" and signed.kind == "RSASSA-PSS":
        return verify_rsa_pss_384(key.value, signed.tbs, signed.value)
    return False


def _root_is_trusted(path: Path) -> Finding:
    return demand(path.root_sha256 in path.trusted_roots, "root_not_trusted", f"root {path.root_sha256.hex()}")


def _algorithms_are_allowed(path: Path) -> Finding:
    for index, certificate in enumerate(path.certificates):
        wanted = LEAF_KEY if index == len(path.certificates) - 1 else path.profile.issuer_key
        if certificate.signed.kind != path.profile.signature:
            return failed("algorithm_not_allowed", f"{certificate.signed.kind} in certificate {index}")
        if certificate.key.kind != wanted:
            return failed("key_not_allowed", f"{certificate.key.kind} in certificate {index}")
    return passed(f"{len(path.certificates)} certificates")


def _names_chain(path: Path) -> Finding:
    bad = [index for index, issuer, subject in path.links if subject.issuer.raw != issuer.subject.raw]
    names = " > ".join(certificate.subject.common_name or "?" for certificate in path.certificates)
    return failed("issuer_mismatch", f"certificate {bad[0]}") if bad else passed(names)


def _key_identifiers_chain(path: Path) -> Finding:
    for index, issuer, subject in path.links:
        wanted, found = subject.extensions.authority_key, issuer.extensions.subject_key
        # Genuine instance CAs of 2022 have neither: absence says nothing, a contradiction does.
        if wanted is not None and found is not None and wanted != found:
            return failed("key_identifier_mismatch", f"certificate {index}")
    return passed("none contradicts another")


def _all_valid_now(path: Path) -> Finding:
    for index, certificate in enumerate(path.certificates):
        if path.now < certificate.not_before:
            return failed("certificate_not_yet_valid", f"certificate {index}")
        if path.now > certificate.not_after:
            return failed("certificate_expired", f"certificate {index}")
    return passed("the root, too")


def _issuers_are_cas(path: Path) -> Finding:
    marked = [issuer.extensions.is_ca and issuer.extensions.constraints_critical for issuer in path.issuers]
    return demand(all(marked), "issuer_not_ca", f"{sum(marked)} of {len(marked)} issuers")


def _path_lengths_hold(path: Path) -> Finding:
    for index, issuer in enumerate(path.issuers):
        limit = issuer.extensions.path_length
        # The leaf and self-issued certificates do not count (RFC 5280 section 4.2.1.9).
        below = [each for each in path.issuers[index + 1 :] if each.issuer.raw != each.subject.raw]
        if limit is not None and len(below) > limit:
            return failed("path_too_long", f"{len(below)} CAs below certificate {index}, which allows {limit}")
    return passed(f"{len(path.issuers)} issuers")


def _issuers_may_sign(path: Path) -> Finding:
    signing = [_has(issuer.extensions.key_usage, _KEY_CERT_SIGN) for issuer in path.issuers]
    return demand(all(signing), "ca_key_usage", f"{sum(signing)} of {len(signing)} issuers")


def _leaf_is_a_leaf(path: Path) -> Finding:
    extensions = path.certificates[-1].extensions
    if extensions.is_ca:
        return failed("leaf_is_ca", "cA")
    if extensions.key_usage is None and path.profile.leaf_without_usage:
        return passed("no key usage is written")
    if not _has(extensions.key_usage, _DIGITAL_SIGNATURE):
        return failed("leaf_key_usage", "no digitalSignature")
    return demand(not _has(extensions.key_usage, _KEY_CERT_SIGN), "leaf_key_usage", "digitalSignature")


def _critical_extensions_are_known(path: Path) -> Finding:
    unknown = [oid for certificate in path.certificates for oid in certificate.extensions.unknown_critical]
    return demand(not unknown, "critical_extension_unknown", unknown[0] if unknown else "none")


def _signatures_verify(path: Path) -> Finding:
    """The root's own signature proves nothing and is not checked: the root is trusted for its bytes."""
    for index, issuer, subject in path.links:
        if not is_signed_by(issuer.key, subject.signed):
            return failed("certificate_signature", f"certificate {index}")
    return passed(f"{len(path.links)} signatures")


def _has(usage: Sequence[bool] | None, bit: int) -> bool:
    return usage is not None and len(usage) > bit and usage[bit]


RULES: Rules[Path] = [
    ("C16", _root_is_trusted),
    ("C4", _algorithms_are_allowed),
    ("C6", _names_chain),
    ("C7", _key_identifiers_chain),
    ("C8", _all_valid_now),
    ("C9", _issuers_are_cas),
    ("C10", _path_lengths_hold),
    ("C11", _issuers_may_sign),
    ("C12", _leaf_is_a_leaf),
    ("C13", _critical_extensions_are_known),
    ("C18", _signatures_verify),
]
