// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Slice } from "../der/Slice.sol";
import { Certificate } from "../der/X509.sol";
import { SnpProduct, SnpSigner } from "../evidence/IEvidenceVerifier.sol";
import { SnpEndorsement } from "./SnpEndorsement.sol";
import { SnpProducts } from "./SnpProducts.sol";
import { SigningKey, SnpReport } from "./SnpReport.sol";

// One error for each code of verifier/snp.
error ReportUnsigned();
error EndorsementMismatch();
error ProductUnknown();
error ProductMismatch();
error TcbMismatch();
error ChipMismatch();
error GuestDebug();
error VmplRefused();
error TcbOrder();
error ChipMasked();

/// What makes a report the word of the key that the leaf certifies, in the order of verifier/snp/endorsement.ts.
library SnpRules {
    /// CHIP_ID is 64 bytes; from Turin on the id has 8 and the rest is zero.
    uint256 private constant CHIP_ID_BYTES = 64;
    uint256 private constant TURIN_HARDWARE_ID_BYTES = 8;
    uint256 private constant DEBUG = 1 << 19;
    uint256 private constant MOST_VMPL = 3;

    function checkEndorsement(
        SnpReport memory report,
        SnpEndorsement memory endorsement,
        Certificate memory leaf,
        Certificate memory intermediate,
        SnpProduct root
    ) internal pure {
        kindsAgree(report, endorsement, leaf.issuerCommonName);
        productsAgree(report, endorsement, intermediate.subjectCommonName, root);
        levelsAgree(report, endorsement);
        chipsAgree(report, endorsement);
    }

    /// Of genuine reports: what every policy would refuse.
    function checkGuest(SnpReport memory report, SnpSigner signer) internal pure {
        // The host may read and write a guest that it may debug, keys and all.
        if (report.guestPolicy & DEBUG != 0) revert GuestDebug();
        // A report that the host asked for has all ones here; what it says of the guest, the guest never asked to have said.
        if (report.vmpl > MOST_VMPL) revert VmplRefused();
        // Genuine firmware never reports otherwise.
        bool ordered = isAtMost(report.committedTcb, report.currentTcb)
            && isAtMost(report.reportedTcb, report.currentTcb) && report.committedFirmware <= report.currentFirmware;
        if (!ordered) revert TcbOrder();
        // A chip's own key names the chip, so a report that hides it contradicts its certificate.
        if (report.chipIdMasked && signer != SnpSigner.Vlek) revert ChipMasked();
    }

    function kindsAgree(SnpReport memory report, SnpEndorsement memory endorsement, Slice issuer) private pure {
        if (report.signingKey == SigningKey.Nobody) revert ReportUnsigned();
        bool isVlek = endorsement.kind == SnpSigner.Vlek;
        // AMD 56860: with MASK_CHIP_KEY the VCEK is not used, so a report that names both contradicts itself.
        if (report.signingKey == SigningKey.Vcek && report.chipKeyMasked) revert ReportUnsigned();
        bool agree = isVlek == (report.signingKey == SigningKey.Vlek);
        // A VCEK names a chip, a VLEK a cloud, and neither names both.
        agree = agree && endorsement.hasHardwareId != isVlek && endorsement.hasCspId == isVlek;
        if (!agree || SnpProducts.startsWith(issuer, "SEV-VLEK-", 9) != isVlek) revert EndorsementMismatch();
    }

    /// Certificate, authority, root and (from version 3 on) processor are of one product line.
    function productsAgree(SnpReport memory report, SnpEndorsement memory endorsement, Slice authority, SnpProduct root)
        private
        pure
    {
        SnpProduct certified = endorsement.product;
        if (certified == SnpProduct.None) revert ProductUnknown();
        SnpProduct line = endorsement.kind == SnpSigner.Vlek
            ? SnpProducts.namedAfter(authority, "SEV-VLEK-", 9)
            : SnpProducts.namedAfter(authority, "SEV-", 4);
        if (root != certified || line != certified) revert ProductMismatch();
        // Version 2 takes the certificate's word.
        if (report.version == 2) return;
        SnpProduct reported = SnpProducts.ofCpu(report.cpu);
        if (reported == SnpProduct.None) revert ProductUnknown();
        if (reported != certified) revert ProductMismatch();
    }

    function levelsAgree(SnpReport memory report, SnpEndorsement memory endorsement) private pure {
        if (!endorsement.hasTcb || endorsement.tcb != report.reportedTcb) revert TcbMismatch();
    }

    function chipsAgree(SnpReport memory report, SnpEndorsement memory endorsement) private pure {
        // A VLEK is of a cloud, not of a chip.
        if (!endorsement.hasHardwareId) return;
        Slice certified = endorsement.hardwareId;
        bool turin = endorsement.product == SnpProduct.Turin;
        if (certified.length() != (turin ? TURIN_HARDWARE_ID_BYTES : CHIP_ID_BYTES)) revert ChipMismatch();
        if (report.chipIdMasked) return;
        if (!(turin ? isPadded(report.chipId, certified) : report.chipId.equal(certified))) revert ChipMismatch();
    }

    /// The first eight bytes are the same, and the other 56 zero.
    function isPadded(Slice chipId, Slice certified) private pure returns (bool) {
        bool same = chipId.prefix(8) == certified.prefix(8) && uint192(chipId.prefix(32)) == 0;
        return same && chipId.skip(32).prefix(32) == 0;
    }

    /// Component by component: a TCB is no ordered number, since one part may go back while another goes ahead.
    function isAtMost(uint64 lower, uint64 upper) private pure returns (bool) {
        for (uint256 shift = 0; shift < 64; shift += 8) {
            if (uint8(lower >> shift) > uint8(upper >> shift)) return false;
        }
        return true;
    }
}
