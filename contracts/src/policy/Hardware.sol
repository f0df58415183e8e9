// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { AMD_SEV_SNP, AWS_NITRO, SnpPlatform, SnpProduct, SnpSigner } from "../evidence/IEvidenceVerifier.sol";
import {
    GUEST_DEBUG,
    GUEST_MIGRATE_MA,
    HardwareRules,
    LINE_NITRO,
    MicrocodeMinima,
    TcbFloor,
    TcbFloors
} from "./PolicyTypes.sol";
import { SnpTcb } from "./SnpTcb.sol";

/// A bit or value that means nothing, or two rules that nothing satisfies at once.
error HardwareRulesInvalid();
error TcbFloorsInvalid();
error MicrocodeInvalid();

/**
 * The rules of `verifier/snp/{rules,firmware-rules,platform-rules}.ts` that a contract can rule on, by the same numbers.
 * Each is `refuses` something here and `passed` or `failed` there; tests hold both against the same facts. What a registry
 * does not record cannot be asked: firmware versions (S12), host data (S21), family and image ids (S22), ID block keys
 * (S23), report ids (S24), mitigations (S25), revocation lists (S27).
 */
library Hardware {
    uint8 private constant LINES = 0x7f;
    /// Versions 2, 3 and 5.
    uint8 private constant REPORT_VERSIONS = 0x2c;
    uint8 private constant VMPLS = 0x0f;
    uint256 private constant KNOWN_PLATFORM_BITS = 8;
    uint32 private constant GUEST_BITS = 0x03fd_0000;
    /// Nobody has a reason to ask for these two.
    uint32 private constant GUEST_NEVER_ASKED = GUEST_DEBUG | GUEST_MIGRATE_MA;

    /// LINE_ bit of a worker's hardware; zero for any that is not known.
    function lineOf(bytes32 tee, SnpPlatform memory snp) internal pure returns (uint8) {
        if (tee == AWS_NITRO) return LINE_NITRO;
        if (tee != AMD_SEV_SNP || snp.product == SnpProduct.None || snp.signer == SnpSigner.None) return 0;
        return uint8(1 << (2 * uint256(snp.product) + uint256(snp.signer) - 2));
    }

    /// @param masked whether the report hides its chip
    function acceptsReport(HardwareRules memory rules, SnpPlatform memory snp, bool masked)
        internal
        pure
        returns (bool)
    {
        // S2.policy, S17.
        if (snp.reportVersion > 7 || (rules.reportVersions >> snp.reportVersion) & 1 == 0) return false;
        if (snp.vmpl > 3 || (rules.vmpls >> snp.vmpl) & 1 == 0) return false;
        // S13.masked.
        if (masked && !(rules.vlekMayHideChip && snp.signer == SnpSigner.Vlek)) return false;
        // S15, S18.
        if (snp.guestPolicy & rules.guestSet != rules.guestSet || snp.guestPolicy & rules.guestClear != 0) {
            return false;
        }
        if (uint16(snp.guestPolicy) < rules.minimumAbi || snp.guestSvn < rules.minimumGuestSvn) return false;
        // S16.
        if (snp.platformInfo & rules.platformSet != rules.platformSet) return false;
        if (snp.platformInfo & rules.platformClear != 0) return false;
        if (!rules.unknownPlatformBits && snp.platformInfo >> KNOWN_PLATFORM_BITS != 0) return false;
        // S10: genuine firmware never reports otherwise, so no policy can allow it.
        if (!SnpTcb.reaches(snp.currentTcb, snp.committedTcb)) return false;
        if (!SnpTcb.reaches(snp.currentTcb, snp.reportedTcb)) return false;
        return rules.provisionalFirmware || snp.committedTcb == snp.currentTcb;
    }

    /// S11.
    function acceptsTcb(TcbFloors memory floors, MicrocodeMinima memory microcode, SnpPlatform memory snp)
        internal
        pure
        returns (bool)
    {
        // Reports of version 2 name no CPU, and no minimum can be found for one.
        bool stated = microcode.stated && snp.reportVersion != 2;
        return reachesFloor(floors.reported, snp.reportedTcb, stated, microcode.reported)
            && reachesFloor(floors.committed, snp.committedTcb, stated, microcode.committed)
            && reachesFloor(floors.launch, snp.launchTcb, stated, microcode.launch);
    }

    function reachesFloor(TcbFloor memory floor, uint64 tcb, bool stated, uint8 microcode) private pure returns (bool) {
        if (floor.any) return true;
        if (!SnpTcb.reaches(tcb, floor.minimum)) return false;
        return floor.anyMicrocode || (stated && SnpTcb.microcode(tcb) >= microcode);
    }

    function check(HardwareRules memory rules) internal pure {
        if (
            rules.lines & ~LINES != 0 || rules.reportVersions & ~REPORT_VERSIONS != 0 || rules.vmpls & ~VMPLS != 0
                || (rules.guestSet | rules.guestClear) & ~GUEST_BITS != 0 || rules.guestSet & GUEST_NEVER_ASKED != 0
                || rules.guestSet & rules.guestClear != 0 || rules.platformSet & rules.platformClear != 0
        ) revert HardwareRulesInvalid();
    }

    function check(SnpProduct product, TcbFloors memory floors) internal pure {
        if (product == SnpProduct.None) revert TcbFloorsInvalid();
        check(product, floors.reported);
        check(product, floors.committed);
        check(product, floors.launch);
    }

    function check(SnpProduct product, TcbFloor memory floor) private pure {
        if (floor.any && (floor.anyMicrocode || floor.minimum != 0)) revert TcbFloorsInvalid();
        if (floor.minimum & ~SnpTcb.components(product) != 0) revert TcbFloorsInvalid();
    }

    function check(SnpProduct product, MicrocodeMinima memory minima) internal pure {
        if (product == SnpProduct.None) revert MicrocodeInvalid();
        bool zero = minima.reported == 0 && minima.committed == 0 && minima.launch == 0;
        if (!minima.stated && !zero) revert MicrocodeInvalid();
    }

    /// Whether nothing is accepted by `next` that `previous` refuses.
    function isAsStrict(HardwareRules memory next, HardwareRules memory previous) internal pure returns (bool) {
        bool lists = next.lines & ~previous.lines == 0 && next.reportVersions & ~previous.reportVersions == 0
            && next.vmpls & ~previous.vmpls == 0;
        bool minima = next.minimumAbi >= previous.minimumAbi && next.minimumGuestSvn >= previous.minimumGuestSvn;
        bool guest = previous.guestSet & ~next.guestSet == 0 && previous.guestClear & ~next.guestClear == 0;
        bool platform = previous.platformSet & ~next.platformSet == 0
            && previous.platformClear & ~next.platformClear == 0
            && (previous.unknownPlatformBits || !next.unknownPlatformBits);
        bool allowances = (previous.vlekMayHideChip || !next.vlekMayHideChip)
            && (previous.provisionalFirmware || !next.provisionalFirmware);
        return lists && minima && guest && platform && allowances && next.expiresAt <= previous.expiresAt;
    }

    function isAsStrict(TcbFloors memory next, TcbFloors memory previous) internal pure returns (bool) {
        return isAsStrict(next.reported, previous.reported) && isAsStrict(next.committed, previous.committed)
            && isAsStrict(next.launch, previous.launch);
    }

    function isAsStrict(TcbFloor memory next, TcbFloor memory previous) private pure returns (bool) {
        if (previous.any) return true;
        return
            !next.any && SnpTcb.reaches(next.minimum, previous.minimum) && (previous.anyMicrocode || !next.anyMicrocode);
    }

    function isAsStrict(MicrocodeMinima memory next, MicrocodeMinima memory previous) internal pure returns (bool) {
        if (!next.stated) return true;
        return previous.stated && next.reported >= previous.reported && next.committed >= previous.committed
            && next.launch >= previous.launch;
    }
}
