// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { refuse } from "../der/Refuse.sol";
import { Slice } from "../der/Slice.sol";
import { Algorithm, Certificate, KeyKind } from "../der/X509.sol";

// One error for each code of verifier/crypto/path.ts; those of C16 and C18 are raised by whoever knows the root and
// asks for the signatures.
error RootNotTrusted();
error AlgorithmNotAllowed();
error KeyNotAllowed();
error IssuerMismatch();
error KeyIdentifierMismatch();
error CertificateNotYetValid();
error CertificateExpired();
error IssuerNotCa();
error PathTooLong();
error CaKeyUsage();
error LeafIsCa();
error LeafKeyUsage();
error CriticalExtensionUnknown();
error CertificateSignature();

/// What one vendor's certificates look like; everything else about a path is the same for all.
struct ChainProfile {
    Algorithm signature;
    KeyKind issuerKey;
    KeyKind leafKey;
    /// Endorsement certificates of AMD have no key usage at all (verifier-checks, fact 7).
    bool leafUsageMayBeAbsent;
}

/**
 * Path validation (RFC 5280 section 6) over a chain in a fixed order, root first and leaf last, at least these two:
 * nothing is searched for, so a hostile bundle cannot choose the path or the work. The rules and their order are those
 * of verifier/crypto/path.ts. Not here: that the first certificate is a trusted root (C16), which comes before, and
 * that every signature verifies (C18), which comes after. Time is seconds since 1970.
 */
library ChainRules {
    function check(Certificate[] memory chain, ChainProfile memory profile, int64 time) internal pure {
        algorithmsAreAllowed(chain, profile);
        namesChain(chain);
        keyIdentifiersChain(chain);
        allValid(chain, time);
        issuersAreCas(chain);
        pathLengthsHold(chain);
        issuersMaySign(chain);
        leafIsALeaf(chain[chain.length - 1], profile);
        criticalExtensionsAreKnown(chain);
    }

    /// What can be asked of a root before it has anything below it, and once for all.
    function checkRoot(Certificate memory root, ChainProfile memory profile) internal pure {
        if (root.algorithm != profile.signature) refuse(uint32(AlgorithmNotAllowed.selector));
        if (root.keyKind != profile.issuerKey) refuse(uint32(KeyNotAllowed.selector));
        if (!root.extensions.basicConstraintsCritical || !root.extensions.ca) refuse(uint32(IssuerNotCa.selector));
        if (!root.extensions.keyCertSign) refuse(uint32(CaKeyUsage.selector));
        if (root.extensions.hasUnknownCritical) refuse(uint32(CriticalExtensionUnknown.selector));
    }

    /// When every certificate is valid: both bounds inclusive, and nothing before 1970 makes a difference.
    function validity(Certificate[] memory chain) internal pure returns (uint64 notBefore, uint64 notAfter) {
        int64 latest = 0;
        int64 earliest = type(int64).max;
        for (uint256 i = 0; i < chain.length; i++) {
            Certificate memory certificate = chain[i];
            if (certificate.notBefore > latest) latest = certificate.notBefore;
            if (certificate.notAfter < earliest) earliest = certificate.notAfter;
        }
        if (earliest < 0) earliest = 0;
        return (uint64(latest), uint64(earliest));
    }

    function algorithmsAreAllowed(Certificate[] memory chain, ChainProfile memory profile) private pure {
        uint256 last = chain.length - 1;
        for (uint256 i = 0; i <= last; i++) {
            Certificate memory certificate = chain[i];
            if (certificate.algorithm != profile.signature) refuse(uint32(AlgorithmNotAllowed.selector));
            if (certificate.keyKind != (i == last ? profile.leafKey : profile.issuerKey)) {
                refuse(uint32(KeyNotAllowed.selector));
            }
        }
    }

    /// Byte for byte: equal names have one spelling here, and look-alikes are other names.
    function namesChain(Certificate[] memory chain) private pure {
        for (uint256 i = 1; i < chain.length; i++) {
            if (!chain[i].issuer.equal(chain[i - 1].subject)) refuse(uint32(IssuerMismatch.selector));
        }
    }

    /// Genuine instance CAs of 2022 have neither identifier, so absence says nothing; a contradiction does.
    function keyIdentifiersChain(Certificate[] memory chain) private pure {
        for (uint256 i = 1; i < chain.length; i++) {
            Slice wanted = chain[i].extensions.authorityKeyIdentifier;
            Slice found = chain[i - 1].extensions.subjectKeyIdentifier;
            if (wanted.length() == 0 || found.length() == 0) continue;
            if (!wanted.equal(found)) refuse(uint32(KeyIdentifierMismatch.selector));
        }
    }

    /// The root too (RFC 5280 leaves it out): a root that has ended vouches for nothing new.
    function allValid(Certificate[] memory chain, int64 time) private pure {
        for (uint256 i = 0; i < chain.length; i++) {
            Certificate memory certificate = chain[i];
            if (time < certificate.notBefore) refuse(uint32(CertificateNotYetValid.selector));
            if (time > certificate.notAfter) refuse(uint32(CertificateExpired.selector));
        }
    }

    function issuersAreCas(Certificate[] memory chain) private pure {
        for (uint256 i = 0; i + 1 < chain.length; i++) {
            // Both are false where the extension is absent.
            if (!chain[i].extensions.basicConstraintsCritical || !chain[i].extensions.ca) {
                refuse(uint32(IssuerNotCa.selector));
            }
        }
    }

    /// RFC 5280 section 4.2.1.9: the leaf and self-issued certificates do not count.
    function pathLengthsHold(Certificate[] memory chain) private pure {
        uint256 left = type(uint256).max;
        for (uint256 i = 0; i + 1 < chain.length; i++) {
            Certificate memory issuer = chain[i];
            bool counts = i != 0 && left != type(uint256).max && !issuer.issuer.equal(issuer.subject);
            if (counts && left == 0) refuse(uint32(PathTooLong.selector));
            if (counts) left--;
            if (issuer.extensions.hasPathLength && issuer.extensions.pathLength < left) {
                left = issuer.extensions.pathLength;
            }
        }
    }

    function issuersMaySign(Certificate[] memory chain) private pure {
        for (uint256 i = 0; i + 1 < chain.length; i++) {
            if (!chain[i].extensions.keyCertSign) refuse(uint32(CaKeyUsage.selector));
        }
    }

    function leafIsALeaf(Certificate memory leaf, ChainProfile memory profile) private pure {
        if (leaf.extensions.ca) refuse(uint32(LeafIsCa.selector));
        if (!leaf.extensions.hasKeyUsage && profile.leafUsageMayBeAbsent) return;
        // Critical or not is all the same here: AWS's leaf has keyUsage, not critical. keyCertSign without cA is
        // refused by RFC 5280 section 4.2.1.9.
        if (!leaf.extensions.digitalSignature || leaf.extensions.keyCertSign) refuse(uint32(LeafKeyUsage.selector));
    }

    function criticalExtensionsAreKnown(Certificate[] memory chain) private pure {
        for (uint256 i = 0; i < chain.length; i++) {
            if (chain[i].extensions.hasUnknownCritical) refuse(uint32(CriticalExtensionUnknown.selector));
        }
    }
}
