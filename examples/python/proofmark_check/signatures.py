"""The three signatures of this protocol: ours on P-256, and the vendors' on P-384 and with RSA-4096."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973


def verify_p256(point: bytes, message: bytes, signature: bytes) -> bool:
    """r || s with s at most half the order: every signature has one spelling, and a point one, too."""
    if len(signature) != 64 or not is_p256_point(point):
        return False
    r, s = _scalars(signature)
    if not (0 < r < P256_ORDER and 0 < s <= P256_ORDER // 2):
        return False
    return _verify_ecdsa(ec.SECP256R1(), point, message, (r, s), hashes.SHA256())


def verify_p384(point: bytes, message: bytes, signature: bytes) -> bool:
    """r || s of a vendor: a high s is genuine here, and emitted."""
    if len(signature) != 96 or not is_p384_point(point):
        return False
    return _verify_ecdsa(ec.SECP384R1(), point, message, _scalars(signature), hashes.SHA384())


def verify_rsa_pss_384(modulus: bytes, message: bytes, signature: bytes) -> bool:
    key = rsa.RSAPublicNumbers(65_537, int.from_bytes(modulus, "big")).public_key()
    form = padding.PSS(mgf=padding.MGF1(hashes.SHA384()), salt_length=48)
    try:
        key.verify(signature, message, form, hashes.SHA384())
    except InvalidSignature:
        return False
    return True


def is_p256_point(point: bytes) -> bool:
    return len(point) == 65 and _is_on_curve(ec.SECP256R1(), point)


def is_p384_point(point: bytes) -> bool:
    return len(point) == 97 and _is_on_curve(ec.SECP384R1(), point)


def _is_on_curve(curve: ec.EllipticCurve, point: bytes) -> bool:
    if point[0] != 4:
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    except ValueError:
        return False
    return True


def _scalars(signature: bytes) -> tuple[int, int]:
    half = len(signature) // 2
    return int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")


def _verify_ecdsa(
    curve: ec.EllipticCurve, point: bytes, message: bytes, scalars: tuple[int, int], digest: hashes.HashAlgorithm
) -> bool:
    key = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    try:
        key.verify(encode_dss_signature(*scalars), message, ec.ECDSA(digest))
    except InvalidSignature:
        return False
    return True
