// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Slice, Slices } from "../der/Slice.sol";
import { Certificate, CertificateSerial, Profile, X509 } from "../der/X509.sol";
import { SnpSigner } from "../evidence/IEvidenceVerifier.sol";
import { SnpEndorsement, SnpEndorsements } from "./SnpEndorsement.sol";

/**
 * Reads AMD's certificates for SevSnpVerifier, which has no room for it (EIP-170). No state, no trust: SevSnpVerifier
 * knows this contract by the hash of its code, and judges what was read.
 */
contract SnpCertificateReader {
    /// @param der one certificate
    /// @param at where the caller keeps these bytes: the slices returned point there
    function read(bytes memory der, uint256 at)
        external
        pure
        returns (Certificate memory certificate, SnpEndorsement memory endorsement)
    {
        Slice input = Slices.ofBytes(der);
        // The key usage of AMD's intermediates ends with a zero bit, and all of its endorsement certificates, but no
        // others, have the number 0.
        certificate = X509.parse(input, Profile({ zeroSerial: true, trailingZeroBits: true }));
        endorsement = SnpEndorsements.read(certificate);
        bool zero = certificate.serial.isExactly(0, 1);
        if (zero && endorsement.kind == SnpSigner.None) revert CertificateSerial();
        move(certificate, endorsement, int256(at) - int256(input.pointer()));
    }

    /// Slices of nothing stay that, wherever they point.
    function move(Certificate memory certificate, SnpEndorsement memory endorsement, int256 distance) private pure {
        certificate.tbs = certificate.tbs.moved(distance);
        certificate.serial = certificate.serial.moved(distance);
        certificate.issuer = certificate.issuer.moved(distance);
        certificate.subject = certificate.subject.moved(distance);
        certificate.issuerCommonName = certificate.issuerCommonName.moved(distance);
        certificate.subjectCommonName = certificate.subjectCommonName.moved(distance);
        certificate.key = certificate.key.moved(distance);
        certificate.signature = certificate.signature.moved(distance);
        certificate.extensions.subjectKeyIdentifier = certificate.extensions.subjectKeyIdentifier.moved(distance);
        certificate.extensions.authorityKeyIdentifier = certificate.extensions.authorityKeyIdentifier.moved(distance);
        certificate.extensions.list = certificate.extensions.list.moved(distance);
        endorsement.hardwareId = endorsement.hardwareId.moved(distance);
        endorsement.cspId = endorsement.cspId.moved(distance);
    }
}
