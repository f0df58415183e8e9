"""AMD SEV-SNP attestation reports (AMD 56860 section 7.3) and what AMD writes into endorsement certificates (57230)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import der
from .errors import Malformed
from .x509 import Certificate

REPORT_BYTES = 0x4A0
SIGNED_BYTES = 0x2A0
SCALAR_FIELD = 72
CHIP_ID_BYTES = 64

_RESERVED = ((0x4C, 0x50), (0x1EB, 0x1EC), (0x1EF, 0x1F0), (0x208, SIGNED_BYTES), (SIGNED_BYTES + 144, REPORT_BYTES))
_SIGNERS = {0: "VCEK", 1: "VLEK", 7: "none"}
_MODELS = (
    (0x19, 0x00, 0x0F, "Milan"),
    (0x19, 0x10, 0x1F, "Genoa"),
    (0x19, 0xA0, 0xAF, "Genoa"),
    (0x1A, 0x00, 0x11, "Turin"),
)
_ZEN3_ZEN4 = ("bootloader", "tee", "spl4", "spl5", "spl6", "spl7", "snp", "microcode")
_ZEN5 = ("fmc", "bootloader", "tee", "snp", "spl5", "spl6", "spl7", "microcode")
_LEVELS = ("bootloader", "tee", "snp", "spl4", "spl5", "spl6", "spl7", "microcode", "fmc")
_AMD = "1.3.6.1.4.1.3704.1"

Firmware = tuple[int, int, int]


@dataclass(frozen=True)
class Report:
    """A report that was read and not yet believed. TCB versions stay raw: their layout depends on the product."""

    raw: bytes
    version: int
    signer: str
    cpu: tuple[int, int, int] | None
    mitigations: dict[str, int] | None
    signature: bytes

    def u32(self, at: int) -> int:
        return int.from_bytes(self.raw[at : at + 4], "little")

    def u64(self, at: int) -> int:
        return int.from_bytes(self.raw[at : at + 8], "little")

    def field(self, at: int, length: int) -> bytes:
        return self.raw[at : at + length]

    def firmware(self, at: int) -> Firmware:
        build, minor, major = self.raw[at : at + 3]
        return major, minor, build

    @property
    def signed(self) -> bytes:
        return self.raw[:SIGNED_BYTES]

    @property
    def guest_policy(self) -> int:
        return self.u64(0x08)

    @property
    def report_data(self) -> bytes:
        return self.field(0x50, 64)

    @property
    def measurement(self) -> bytes:
        return self.field(0x90, 48)

    @property
    def chip_id(self) -> bytes:
        return self.field(0x1A0, CHIP_ID_BYTES)

    @property
    def product(self) -> str | None:
        if self.cpu is None:
            return None
        family, model, _ = self.cpu
        return next((name for of, low, high, name in _MODELS if of == family and low <= model <= high), None)

    @property
    def tcb(self) -> dict[str, bytes]:
        places = {"current": 0x38, "reported": 0x180, "committed": 0x1E0, "launch": 0x1F0}
        return {name: self.field(at, 8) for name, at in places.items()}


@dataclass(frozen=True)
class Endorsement:
    """`kind` is VCEK, VLEK, or None for the certificate of a CA."""

    kind: str | None
    product: str | None
    levels: dict[str, int]
    hardware_id: bytes | None
    csp_id: str | None


def tcb_layout(product: str) -> tuple[str, ...]:
    """What each of the eight bytes is (AMD 56860 section 2.2)."""
    return _ZEN5 if product == "Turin" else _ZEN3_ZEN4


def padded_chip_id(hardware_id: bytes) -> bytes:
    return hardware_id.ljust(CHIP_ID_BYTES, b"\0")


def parse_report(data: bytes) -> Report:
    if len(data) != REPORT_BYTES:
        raise Malformed("report_length", f"{len(data)} bytes", "S1")
    version = int.from_bytes(data[:4], "little")
    if version not in (2, 3, 5):
        raise Malformed("report_version_unknown", f"version {version}", "S2")
    if data[0x34:0x38] != b"\x01\0\0\0":
        raise Malformed("report_signature_algorithm", "not ECDSA P-384 with SHA-384", "S3")
    _check_reserved(data, version)
    key_info = int.from_bytes(data[0x48:0x4C], "little")
    if key_info >= 2**5:
        raise Malformed("report_reserved", "KEY_INFO", "S4")
    if key_info >> 2 not in _SIGNERS:
        raise Malformed("report_signer_unknown", f"SIGNING_KEY {key_info >> 2}", "S5.form")
    mitigations = {name: int.from_bytes(data[at : at + 8], "little") for name, at in (("launch", 0x1F8), ("current", 0x200))}
    return Report(
        raw=data,
        version=version,
        signer=_SIGNERS[key_info >> 2],
        cpu=None if version == 2 else (data[0x188], data[0x189], data[0x18A]),
        mitigations=mitigations if version == 5 else None,
        signature=_signature(data),
    )


def parse_endorsement(certificate: Certificate) -> Endorsement:
    others = certificate.extensions.others
    levels = {name: others.get(f"{_AMD}.3.{index + 1}") for index, name in enumerate(_LEVELS)}
    version = others.get(f"{_AMD}.1")
    read_levels = {name: _byte(value) for name, value in levels.items() if value is not None}
    if version is not None and _byte(version) not in (0, 1):
        raise Malformed("certificate_extension", "an unknown version of the extensions", "C1")
    product, csp_id = others.get(f"{_AMD}.2"), others.get(f"{_AMD}.5")
    return Endorsement(
        kind={"SEV-VCEK": "VCEK", "SEV-VLEK": "VLEK"}.get(certificate.subject.common_name or ""),
        product=None if product is None else _product(product),
        levels=read_levels,
        # Raw bytes: the only extension that AMD does not wrap in a type of its own.
        hardware_id=others.get(f"{_AMD}.4"),
        csp_id=None if csp_id is None else _text(csp_id),
    )


def _check_reserved(data: bytes, version: int) -> None:
    regions = [*_RESERVED, (0x188 if version == 2 else 0x18B, 0x1A0)]
    if version != 5:
        regions.append((0x1F8, 0x208))
    if any(any(data[start:end]) for start, end in regions):
        raise Malformed("report_reserved", "a reserved byte is not zero", "S4")
    policy = int.from_bytes(data[0x08:0x10], "little")
    if policy >> 26 != 0 or policy >> 17 & 1 == 0:
        raise Malformed("report_reserved", "POLICY", "S15.form")


def _signature(data: bytes) -> bytes:
    """Little-endian scalars in fields of 72 bytes, of which P-384 fills 48."""
    fields = [data[at : at + SCALAR_FIELD] for at in (SIGNED_BYTES, SIGNED_BYTES + SCALAR_FIELD)]
    if any(any(field[48:]) for field in fields):
        raise Malformed("report_signature_format", "a scalar of more than 48 bytes", "S6.form")
    return b"".join(field[47::-1] for field in fields)


def _byte(value: bytes) -> int:
    level = der.count(der.only(value, der.INTEGER))
    if level > 0xFF:
        raise Malformed("certificate_extension", "a level of more than one byte", "C1")
    return level


def _text(value: bytes) -> str:
    text = der.only(value, der.IA5_STRING).contents.decode("latin-1")
    if re.fullmatch(r"[\x20-\x7e]{1,128}", text) is None:
        raise Malformed("certificate_extension", "not 1 to 128 printable characters", "C1")
    return text


def _product(value: bytes) -> str | None:
    """The stepping of the silicon may follow, as in "Milan-B0"."""
    name = re.fullmatch(r"(Milan|Genoa|Turin)(?:-[A-Z][0-9])?", _text(value))
    return None if name is None else name[1]
