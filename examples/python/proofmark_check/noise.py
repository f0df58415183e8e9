"""Sealed sessions: Noise_NK_25519_AESGCM_SHA256 with empty payloads, and the records that follow."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .encoding import bytes_word, sha256, tag_word
from .errors import Malformed

PROTOCOL = b"Noise_NK_25519_AESGCM_SHA256"
MESSAGE_BYTES = 48
TO_WORKER, TO_CLIENT = 0, 1
PLACE_BYTES = 9
TAG_BYTES = 16
LENGTH_BYTES = 4
STREAM_STEP = 256
BODY_STEP = 65_536
PLAINTEXT_BYTES = 17_825_792
LAST_COUNTER = 0xFFFF_FFFE
_RECORD_TAG = tag_word("proofmark record v1")


@dataclass(frozen=True)
class Transport:
    handshake_hash: bytes
    send_key: bytes
    receive_key: bytes


@dataclass(frozen=True)
class Place:
    direction: int
    request: int
    chunk: int
    final: bool


def prologue_of(log: bytes) -> bytes:
    return tag_word("proofmark/1") + bytes_word(log)


class Handshake:
    """The client's side. It is answered once: a refused answer ends it."""

    def __init__(self, log: bytes, seal_key: bytes, ephemeral: X25519PrivateKey | None = None) -> None:
        self._ephemeral = X25519PrivateKey.generate() if ephemeral is None else ephemeral
        self._hash = self._chaining = PROTOCOL.ljust(32, b"\0")
        self._key = b""
        self._mix_hash(prologue_of(log))
        self._mix_hash(seal_key)
        public = self._ephemeral.public_key().public_bytes_raw()
        self._mix_hash(public)
        self._mix_key(_agree(self._ephemeral, seal_key))
        sealed = AESGCM(self._key).encrypt(_nonce(0, 0), b"", self._hash)
        self._mix_hash(sealed)
        self.message1 = public + sealed

    def finish(self, message2: bytes) -> Transport:
        if len(message2) != MESSAGE_BYTES:
            raise Malformed("handshake_invalid", f"expected {MESSAGE_BYTES} bytes, got {len(message2)}")
        public, sealed = message2[:32], message2[32:]
        self._mix_hash(public)
        self._mix_key(_agree(self._ephemeral, public))
        try:
            AESGCM(self._key).decrypt(_nonce(0, 0), sealed, self._hash)
        except InvalidTag as error:
            raise Malformed("handshake_invalid", "the tag of the message does not hold") from error
        self._mix_hash(sealed)
        send_key, receive_key = _hkdf(self._chaining, b"")
        return Transport(self._hash, send_key, receive_key)

    def _mix_hash(self, data: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + data).digest()

    def _mix_key(self, secret: bytes) -> None:
        self._chaining, self._key = _hkdf(self._chaining, secret)


def seal(key: bytes, handshake_hash: bytes, place: Place, data: bytes, padding: str = "body") -> bytes:
    """Each place is sealed once: two records at one place would give the key away."""
    _check_counters(place)
    size = padded_size(len(data), padding)
    if size > PLAINTEXT_BYTES:
        raise Malformed("too_large", f"a record of {len(data)} bytes")
    plaintext = (len(data).to_bytes(LENGTH_BYTES, "big") + data).ljust(size, b"\0")
    nonce = _nonce(place.request, place.chunk)
    return _place_bytes(place) + AESGCM(key).encrypt(nonce, plaintext, associated_data(handshake_hash, place))


def open_record(key: bytes, handshake_hash: bytes, direction: int, record: bytes) -> tuple[Place, bytes]:
    """What was sealed by the other side for exactly this place; whether it is its turn is for `Sequence`."""
    place = _read_place(direction, record)
    nonce = _nonce(place.request, place.chunk)
    try:
        plaintext = AESGCM(key).decrypt(nonce, record[PLACE_BYTES:], associated_data(handshake_hash, place))
    except InvalidTag as error:
        raise Malformed("record_invalid", "the seal does not hold") from error
    return place, _unpad(plaintext)


class Sequence:
    """The records of one answer: chunk 0, 1, 2 and so on up to the final one, each once."""

    def __init__(self, request: int) -> None:
        self._request = request
        self._next = 0
        self.complete = False

    def accept(self, place: Place) -> None:
        if self.complete or (place.request, place.chunk) != (self._request, self._next):
            raise Malformed("record_invalid", f"chunk {place.chunk} of request {place.request} is out of turn")
        self._next += 1
        self.complete = place.final


def padded_size(length: int, padding: str) -> int:
    """Powers of two up to 64 KiB, then multiples of it; records of a stream in multiples of 256 bytes."""
    needed = LENGTH_BYTES + length
    step = STREAM_STEP if padding == "stream" else BODY_STEP
    if padding == "stream" or needed > BODY_STEP:
        return -(-needed // step) * step
    return max(STREAM_STEP, 1 << (needed - 1).bit_length())


def associated_data(handshake_hash: bytes, place: Place) -> bytes:
    return _RECORD_TAG + bytes_word(handshake_hash) + bytes([place.direction]) + _place_bytes(place)


def session_message(handshake_hash: bytes) -> bytes:
    """What a channel's session key signs: it binds the channel to one session."""
    return tag_word("proofmark session v1") + bytes_word(handshake_hash)


def _agree(private: X25519PrivateKey, public: bytes) -> bytes:
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        # An all-zero secret: the other side's key is of low order.
        raise Malformed("handshake_invalid", "X25519 refused the key") from error


def _hkdf(chaining: bytes, secret: bytes) -> tuple[bytes, bytes]:
    temporary = hmac.digest(chaining, secret, "sha256")
    first = hmac.digest(temporary, b"\x01", "sha256")
    return first, hmac.digest(temporary, first + b"\x02", "sha256")


def _nonce(high: int, low: int) -> bytes:
    return bytes(4) + high.to_bytes(4, "big") + low.to_bytes(4, "big")


def _place_bytes(place: Place) -> bytes:
    return place.request.to_bytes(4, "big") + place.chunk.to_bytes(4, "big") + bytes([place.final])


def _read_place(direction: int, record: bytes) -> Place:
    overhead = PLACE_BYTES + TAG_BYTES
    if not overhead + STREAM_STEP <= len(record) <= overhead + PLAINTEXT_BYTES:
        raise Malformed("record_invalid", f"a record of {len(record)} bytes")
    if record[8] > 1:
        raise Malformed("record_invalid", "the final byte is 0 or 1")
    request, chunk = (int.from_bytes(record[at : at + 4], "big") for at in (0, 4))
    place = Place(direction, request, chunk, record[8] == 1)
    _check_counters(place)
    return place


def _check_counters(place: Place) -> None:
    if max(place.request, place.chunk) > LAST_COUNTER:
        raise Malformed("record_exhausted", "the session has no numbers left")


def _unpad(plaintext: bytes) -> bytes:
    length = int.from_bytes(plaintext[:LENGTH_BYTES], "big")
    if len(plaintext) not in (padded_size(length, "body"), padded_size(length, "stream")):
        raise Malformed("padding_invalid", f"{len(plaintext)} bytes are no padded size of {length}")
    if any(plaintext[LENGTH_BYTES + length :]):
        raise Malformed("padding_invalid", "the padding is not zero")
    return plaintext[LENGTH_BYTES : LENGTH_BYTES + length]
