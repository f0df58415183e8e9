// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Der } from "./Der.sol";
import { refuse } from "./Refuse.sol";
import { Slice } from "./Slice.sol";
import { Algorithm, KeyKind } from "./X509.sol";

error CertificateKey();
error CertificateSignatureFormat();

/// Keys, algorithms and signatures of certificates: the two kinds that vendors use, and one word for all others.
library X509Keys {
    bytes32 private constant ECDSA_SHA384 = bytes32(hex"2a8648ce3d040303");
    bytes32 private constant RSASSA_PSS = bytes32(hex"2a864886f70d01010a");
    bytes32 private constant EC_PUBLIC_KEY = bytes32(hex"2a8648ce3d0201");
    bytes32 private constant SECP384R1 = bytes32(hex"2b81040022");
    bytes32 private constant RSA_ENCRYPTION = bytes32(hex"2a864886f70d010101");

    /// RSASSA-PSS-params (RFC 8017 appendix A.2.3) with SHA-384 throughout and a salt of 48 bytes; AMD's intermediates
    /// spell out the default trailer field, which DER leaves out and its leaves do leave out.
    bytes32 private constant PSS_384 = keccak256(
        hex"3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130"
    );
    bytes32 private constant PSS_384_TRAILER = keccak256(
        hex"3039a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130a303020101"
    );

    uint256 private constant ORDER_FIRST = 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf;
    uint256 private constant ORDER_LAST = 0x581a0db248b0a77aecec196accc52973;

    function algorithmOf(Slice contents) internal pure returns (Algorithm) {
        (Slice oid, Slice rest) = Der.read(contents, Der.OID);
        Der.checkOid(oid);
        // RFC 5758 section 3.2: no parameters with ECDSA. Those of other algorithms are compared and not read.
        if (oid.isExactly(ECDSA_SHA384, 8)) {
            Der.end(rest);
            return Algorithm.EcdsaWithSha384;
        }
        if (!oid.isExactly(RSASSA_PSS, 9)) return Algorithm.Other;
        (Slice parameters,, Slice after_) = Der.readWhole(rest, Der.SEQUENCE);
        Der.end(after_);
        bytes32 hash = parameters.hash();
        return hash == PSS_384 || hash == PSS_384_TRAILER ? Algorithm.RsaPss384 : Algorithm.Other;
    }

    /// SubjectPublicKeyInfo.
    function read(Slice fields) internal pure returns (KeyKind kind, Slice key, Slice rest) {
        Slice info;
        (info, rest) = Der.read(fields, Der.SEQUENCE);
        (Slice algorithm, Slice afterAlgorithm) = Der.read(info, Der.SEQUENCE);
        (Slice value, Slice afterValue) = Der.read(afterAlgorithm, Der.BIT_STRING);
        Der.end(afterValue);
        (Slice oid, Slice parameters) = Der.read(algorithm, Der.OID);
        Der.checkOid(oid);
        value = Der.wholeBytes(value);
        if (oid.isExactly(EC_PUBLIC_KEY, 7)) (kind, key) = point(parameters, value);
        else (kind, key) = rsa(oid, parameters, value);
    }

    /// RFC 5480 section 2.1.1: a named curve, never spelt-out parameters (CVE-2020-0601 came from those).
    function point(Slice parameters, Slice value) private pure returns (KeyKind, Slice) {
        (Slice curve, Slice rest) = Der.read(parameters, Der.OID);
        Der.checkOid(curve);
        Der.end(rest);
        if (!curve.isExactly(SECP384R1, 5)) return (KeyKind.Other, value);
        if (value.length() != 97 || value.byteAt(0) != 0x04) refuse(uint32(CertificateKey.selector));
        return (KeyKind.P384, value.skip(1));
    }

    /// RFC 8017 appendix A.1: rsaEncryption has NULL parameters and nothing after them.
    function rsa(Slice oid, Slice parameters, Slice value) private pure returns (KeyKind, Slice) {
        bool hasNull = Der.startsWith(parameters, Der.NULL);
        if (hasNull) {
            Slice empty;
            (empty, parameters) = Der.read(parameters, Der.NULL);
            Der.end(empty);
        }
        if (!hasNull || !oid.isExactly(RSA_ENCRYPTION, 9)) return (KeyKind.Other, value);
        (Slice first, Slice rest) = Der.read(Der.only(value, Der.SEQUENCE), Der.INTEGER);
        Slice modulus = Der.unsigned(first);
        (first, rest) = Der.read(rest, Der.INTEGER);
        Slice exponent = Der.unsigned(first);
        Der.end(rest);
        bool fits = exponent.isExactly(bytes32(hex"010001"), 3) && modulus.length() == 512 && parameters.length() == 0;
        if (!fits || modulus.byteAt(0) < 0x80 || modulus.byteAt(511) & 1 == 0) return (KeyKind.Other, value);
        return (KeyKind.Rsa4096, modulus);
    }

    /// The bytes of a BIT STRING, in the form that the algorithm has.
    function signatureOf(Algorithm algorithm, Slice contents) internal pure returns (Slice value) {
        value = Der.wholeBytes(contents);
        if (algorithm == Algorithm.EcdsaWithSha384) ecdsaSignature(value);
        if (algorithm == Algorithm.RsaPss384 && value.length() != 512) {
            refuse(uint32(CertificateSignatureFormat.selector));
        }
    }

    /**
     * Ecdsa-Sig-Value (RFC 3279 section 2.2.3): r and s, each as its first 32 bytes of 48 and its last 16. Values outside
     * 1..n-1 are refused here; a high s is not, since half of the genuine signatures have one.
     */
    function ecdsaSignature(Slice value)
        internal
        pure
        returns (uint256 rFirst, uint256 rLast, uint256 sFirst, uint256 sLast)
    {
        (Slice r, Slice rest) = scalar(Der.only(value, Der.SEQUENCE));
        Slice s;
        (s, rest) = scalar(rest);
        Der.end(rest);
        (rFirst, rLast) = inRange(r);
        (sFirst, sLast) = inRange(s);
    }

    function scalar(Slice cursor) private pure returns (Slice magnitude, Slice rest) {
        (magnitude, rest) = Der.read(cursor, Der.INTEGER);
        magnitude = Der.unsigned(magnitude);
        if (magnitude.length() > 48) refuse(uint32(CertificateSignatureFormat.selector));
    }

    /// Bytes 0 to 31 and bytes 32 to 47 of the number in 48 bytes.
    function inRange(Slice magnitude) private pure returns (uint256 first, uint256 last) {
        uint256 size = magnitude.length();
        if (size <= 16) {
            last = magnitude.prefix(size);
        } else {
            first = magnitude.prefix(size - 16);
            last = magnitude.skip(size - 16).prefix(16);
        }
        bool below = first < ORDER_FIRST || (first == ORDER_FIRST && last < ORDER_LAST);
        if (!below || (first == 0 && last == 0)) refuse(uint32(CertificateSignatureFormat.selector));
    }
}
