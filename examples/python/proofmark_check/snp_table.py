"""The table by GUID in which a host hands certificates to its guest (GHCB specification, AMD 56421 section 4.1.8.1)."""

from __future__ import annotations

from .errors import Malformed

TABLE_BYTES = 65_536
ENTRY_BYTES = 24
ENTRIES = 16

_CERTIFICATES = {
    "c0b406a4a803495297433fb6014cd0ae",
    "4ab7b379bbac4fe4a02f05aef327c782",
    "63da758de6644564adc5f4b93be8accd",
    "a8074bc2a25a483eaae639c045a0b8a1",
}
_REVOCATION_LIST = "92f81bc358114d3d97ffd19f88dc67ea"


def parse_table(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """Certificates and revocation lists. Entries under other GUIDs are a host's own affair."""
    if len(data) > TABLE_BYTES:
        raise _malformed(f"{len(data)} bytes")
    entries = _entries(data)
    certificates = [data[start:end] for guid, start, end in entries if guid in _CERTIFICATES]
    return certificates, [data[start:end] for guid, start, end in entries if guid == _REVOCATION_LIST]


def _entries(data: bytes) -> list[tuple[str, int, int]]:
    entries: list[tuple[str, int, int]] = []
    for at in range(0, len(data) + ENTRY_BYTES, ENTRY_BYTES):
        entry = data[at : at + ENTRY_BYTES]
        if len(entry) < ENTRY_BYTES:
            break
        if not any(entry):
            if any(start < at + ENTRY_BYTES for _, start, _ in entries):
                raise _malformed("an entry that lies within the list of entries")
            return entries
        guid, start, length = entry[:16].hex(), _u32(entry, 16), _u32(entry, 20)
        if len(entries) == ENTRIES or guid in (each for each, _, _ in entries):
            raise _malformed("too many entries, or two of one GUID")
        if length == 0 or start + length > len(data):
            raise _malformed("an entry that is empty or outside of the table")
        entries.append((guid, start, start + length))
    raise _malformed("no end of the list of entries")


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _malformed(detail: str) -> Malformed:
    return Malformed("certificate_table_invalid", detail, "X1")
