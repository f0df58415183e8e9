// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { CertificateSignature, ChainProfile, ChainRules } from "../chain/ChainRules.sol";
import { KnownCode } from "../chain/KnownCode.sol";
import { Der } from "../der/Der.sol";
import { Slice, Slices } from "../der/Slice.sol";
import { Algorithm, Certificate, KeyKind } from "../der/X509.sol";
import { SnpSigner } from "../evidence/IEvidenceVerifier.sol";
import { Sha256 } from "../hash/Sha256.sol";
import { Digest384, Sha384 } from "../hash/Sha384.sol";
import { RsaPss } from "../rsa/RsaPss.sol";
import { SnpAnchor, SnpAnchors } from "./SnpAnchors.sol";
import { SnpEndorsement } from "./SnpEndorsement.sol";
import { SnpProducts } from "./SnpProducts.sol";

/// The certificates are not one root, one intermediate and one endorsement certificate.
error ChainIncomplete();

/**
 * Certificates of AMD's authorities (ASK, ASVK) that a pinned root was seen to have signed, so that their signatures
 * are checked once and not for every report. An entry is keyed by what was signed under whose root: signatures and
 * certificate bytes can be respelled, and never name anything. A verdict is the same with and without the cache.
 */
abstract contract SnpAuthorities is SnpAnchors {
    /// What a hit needs of a certificate without reading it again. Places are counted from its first byte.
    struct Authority {
        /// The validity of the certificate and of the root above it: asked on every hit.
        uint40 notBefore;
        uint40 notAfter;
        uint16 subjectAt;
        uint16 subjectBytes;
        uint16 commonNameAt;
        uint16 commonNameBytes;
        uint16 keyAt;
        uint16 keyIdentifierAt;
        uint16 keyIdentifierBytes;
        /// keccak256 of the whole certificate that was read. One with another signature is checked as if it were new.
        bytes32 certificate;
    }

    /// What a report hangs from: certificates in the order of ChainRules, and the digests of their signed parts.
    struct Path {
        SnpAnchor anchor;
        Certificate intermediate;
        Certificate leaf;
        bytes32 intermediateTbs;
        uint64 notBefore;
        uint64 notAfter;
    }

    address public immutable SHA384_ENGINE;
    address public immutable SHA384_PAIR_ENGINE;

    /// By root (SHA-256 of its certificate), then by SHA-256 of the signed part.
    mapping(bytes32 root => mapping(bytes32 tbs => Authority)) private authorities;

    /// The validity is that of the certificate and of the root above it, in seconds since 1970.
    event AuthorityLearned(
        bytes32 indexed root, bytes32 indexed tbs, uint64 notBefore, uint64 notAfter, bytes certificate
    );

    constructor(address one, address two) {
        KnownCode.checkSha384Engine(one);
        KnownCode.checkSha384PairEngine(two);
        (SHA384_ENGINE, SHA384_PAIR_ENGINE) = (one, two);
    }

    /// Whether the signature of an authority's certificate needs not be checked again.
    function isKnown(bytes32 root, bytes32 tbs) external view returns (bool) {
        return authorities[root][tbs].certificate != 0;
    }

    /// Rules C4 to C18 over root, intermediate and leaf; the root is one of the anchors (C16).
    function provePath(bytes32 root, Slice intermediate, Certificate memory leaf, Digest384 memory leafDigest)
        internal
        returns (Path memory path)
    {
        path.anchor = anchorFor(root);
        path.leaf = leaf;
        path.intermediateTbs = Sha256.digest(signedPart(intermediate));
        Authority memory known = authorities[root][path.intermediateTbs];
        if (known.certificate == intermediate.hash()) {
            path.intermediate = recall(known, intermediate);
            checkChain(path, pair(path.intermediate, leaf));
        } else {
            Certificate memory anchor = certificateOf(path.anchor);
            path.intermediate = readAuthority(intermediate);
            checkChain(path, triple(anchor, path.intermediate, leaf));
            Slice tbs = path.intermediate.tbs;
            Digest384 memory digest = Sha384.digest(SHA384_ENGINE, tbs.pointer(), tbs.length());
            checkSignature(anchor, path.intermediate, digest);
            // The first one stays: a second signature over the same certificate has nothing to add.
            if (known.certificate == 0) learn(root, path, pair(anchor, path.intermediate), intermediate);
        }
        checkSignature(path.intermediate, leaf, leafDigest);
    }

    /// Which place a certificate has follows from its common name alone, and those of chips and clouds are leaves.
    function readAuthority(Slice whole) private view returns (Certificate memory authority) {
        SnpEndorsement memory nothing;
        (authority, nothing) = CERTIFICATE_READER.read(whole.toBytes(), whole.pointer());
        bool named = SnpProducts.startsWith(authority.subjectCommonName, "SEV-", 4);
        if (!named || nothing.kind != SnpSigner.None) revert ChainIncomplete();
    }

    function checkChain(Path memory path, Certificate[] memory chain) private view {
        ChainProfile memory profile = ChainProfile({
            signature: Algorithm.RsaPss384,
            issuerKey: KeyKind.Rsa4096,
            leafKey: KeyKind.P384,
            leafUsageMayBeAbsent: true
        });
        ChainRules.check(chain, profile, int64(uint64(block.timestamp)));
        (path.notBefore, path.notAfter) = ChainRules.validity(chain);
    }

    function checkSignature(Certificate memory issuer, Certificate memory subject, Digest384 memory digest)
        private
        view
    {
        RsaPss.Engines memory engines = RsaPss.Engines({ one: SHA384_ENGINE, two: SHA384_PAIR_ENGINE });
        uint256 signature = subject.signature.pointer();
        if (!RsaPss.verifyAt(engines, issuer.key.pointer(), digest, signature)) revert CertificateSignature();
    }

    function learn(bytes32 root, Path memory path, Certificate[] memory above, Slice whole) private {
        Certificate memory certificate = path.intermediate;
        uint256 start = whole.pointer();
        // The leaf's own validity takes no part.
        (uint64 notBefore, uint64 notAfter) = ChainRules.validity(above);
        Slice keyIdentifier = certificate.extensions.subjectKeyIdentifier;
        authorities[root][path.intermediateTbs] = Authority({
            // Calendars here end in the year 9999, certificates at 4,096 bytes.
            notBefore: uint40(notBefore),
            notAfter: uint40(notAfter),
            subjectAt: uint16(certificate.subject.pointer() - start),
            subjectBytes: uint16(certificate.subject.length()),
            commonNameAt: uint16(certificate.subjectCommonName.pointer() - start),
            commonNameBytes: uint16(certificate.subjectCommonName.length()),
            keyAt: uint16(certificate.key.pointer() - start),
            keyIdentifierAt: uint16(keyIdentifier.length() == 0 ? 0 : keyIdentifier.pointer() - start),
            keyIdentifierBytes: uint16(keyIdentifier.length()),
            certificate: whole.hash()
        });
        emit AuthorityLearned(root, path.intermediateTbs, notBefore, notAfter, whole.toBytes());
    }

    /// The certificate as the rules see it, in place of the two that were judged when it was learned.
    function recall(Authority memory known, Slice whole) private pure returns (Certificate memory certificate) {
        uint256 start = whole.pointer();
        certificate.notBefore = int64(uint64(known.notBefore));
        certificate.notAfter = int64(uint64(known.notAfter));
        certificate.subject = Slices.make(start + known.subjectAt, known.subjectBytes);
        certificate.subjectCommonName = Slices.make(start + known.commonNameAt, known.commonNameBytes);
        certificate.key = Slices.make(start + known.keyAt, RsaPss.BYTES);
        certificate.keyKind = KeyKind.Rsa4096;
        certificate.algorithm = Algorithm.RsaPss384;
        certificate.extensions.subjectKeyIdentifier =
            Slices.make(start + known.keyIdentifierAt, known.keyIdentifierBytes);
        certificate.extensions.basicConstraintsCritical = true;
        certificate.extensions.ca = true;
        certificate.extensions.keyCertSign = true;
    }

    function signedPart(Slice certificate) private pure returns (Slice tbs) {
        (tbs,,) = Der.readWhole(Der.only(certificate, Der.SEQUENCE), Der.SEQUENCE);
    }

    function pair(Certificate memory issuer, Certificate memory subject)
        private
        pure
        returns (Certificate[] memory chain)
    {
        chain = new Certificate[](2);
        (chain[0], chain[1]) = (issuer, subject);
    }

    function triple(Certificate memory root, Certificate memory intermediate, Certificate memory leaf)
        private
        pure
        returns (Certificate[] memory chain)
    {
        chain = new Certificate[](3);
        (chain[0], chain[1], chain[2]) = (root, intermediate, leaf);
    }
}
