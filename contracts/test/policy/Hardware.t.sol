// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SnpPlatform, SnpSigner } from "../../src/evidence/IEvidenceVerifier.sol";
import { Hardware } from "../../src/policy/Hardware.sol";
import { HardwareRules, MicrocodeMinima, TcbFloor, TcbFloors } from "../../src/policy/PolicyTypes.sol";
import { SnpTcb } from "../../src/policy/SnpTcb.sol";
import { Test } from "../support/Test.sol";

contract HardwareTest is Test {
    function testFuzz_reachesIsComponentByComponent(uint64 level, uint64 minimum, uint8 equal) external pure {
        // Random bytes reach each other one time in 256; with some made equal the rest decides.
        for (uint256 i = 0; i < 8; i++) {
            uint64 mask = uint64(0xff << (8 * i));
            if ((equal >> i) & 1 == 1) minimum = (minimum & ~mask) | (level & mask);
        }
        vm.assertEq(SnpTcb.reaches(level, minimum), slow(level, minimum));
        vm.assertTrue(SnpTcb.reaches(level, level));
    }

    function slow(uint64 level, uint64 minimum) private pure returns (bool) {
        for (uint256 i = 0; i < 8; i++) {
            if (uint8(level >> (8 * i)) < uint8(minimum >> (8 * i))) return false;
        }
        return true;
    }

    /// What `tighten` rests on: stricter rules never accept what the others refuse.
    function testFuzz_stricterRulesAcceptNothingNew(HardwareRules memory one, uint256 seed, uint256 tcbs)
        external
        pure
    {
        HardwareRules memory two = near(one, seed);
        SnpPlatform memory facts = factsFor(one, seed, tcbs);
        if (!Hardware.isAsStrict(two, one)) return;
        for (uint256 masked = 0; masked < 2; masked++) {
            bool before = Hardware.acceptsReport(one, facts, masked == 1);
            if (Hardware.acceptsReport(two, facts, masked == 1)) vm.assertTrue(before);
        }
        vm.assertLe(two.expiresAt, one.expiresAt);
        vm.assertEq(two.lines & ~one.lines, 0);
    }

    /// The other half: where one field admits more, rules are not as strict, whatever the others say.
    function testFuzz_anyLooserFieldIsSeen(HardwareRules memory rules) external pure {
        for (uint256 field = 0; field < 13; field++) {
            HardwareRules memory looser = copied(rules);
            if (loosen(looser, field)) {
                vm.assertFalse(Hardware.isAsStrict(looser, rules));
                vm.assertTrue(Hardware.isAsStrict(rules, looser));
            }
        }
        vm.assertTrue(Hardware.isAsStrict(rules, rules));
    }

    function testFuzz_stricterFloorsAcceptNothingNew(
        TcbFloors memory one,
        uint256 seed,
        MicrocodeMinima memory minima,
        uint64 tcb
    ) external pure {
        TcbFloors memory two = abi.decode(abi.encode(one), (TcbFloors));
        two.reported.minimum = step(one.reported.minimum, seed);
        two.committed.any = seed & 64 == 64;
        two.launch.anyMicrocode = seed & 128 == 128;
        SnpPlatform memory facts;
        facts.reportVersion = seed & 256 == 256 ? 3 : 2;
        facts.reportedTcb = step(step(one.reported.minimum, seed >> 9), seed >> 17) | 0xff;
        facts.committedTcb = one.committed.minimum | 0xf0;
        facts.launchTcb = one.launch.minimum | tcb;
        MicrocodeMinima memory other = MicrocodeMinima(seed & 512 == 512, uint8(seed >> 10), uint8(seed >> 18), 0);
        bool before = Hardware.acceptsTcb(one, minima, facts);
        if (Hardware.isAsStrict(two, one) && Hardware.acceptsTcb(two, minima, facts)) vm.assertTrue(before);
        if (Hardware.isAsStrict(other, minima) && Hardware.acceptsTcb(one, other, facts)) vm.assertTrue(before);
    }

    function test_looserFloorsAreSeen() external pure {
        TcbFloors memory floors;
        floors.launch = TcbFloor(false, false, 0x0101_0000_0000_0100);
        TcbFloors memory other = abi.decode(abi.encode(floors), (TcbFloors));
        other.launch.minimum = 0xff00_0000_0000_ff00;
        vm.assertFalse(Hardware.isAsStrict(other, floors));
        other.launch.minimum = floors.launch.minimum;
        other.launch.anyMicrocode = true;
        vm.assertFalse(Hardware.isAsStrict(other, floors));
        vm.assertTrue(Hardware.isAsStrict(floors, other));
        other.launch = TcbFloor(true, false, 0);
        vm.assertFalse(Hardware.isAsStrict(other, floors));
        vm.assertTrue(Hardware.isAsStrict(floors, other));
    }

    function near(HardwareRules memory rules, uint256 seed) private pure returns (HardwareRules memory other) {
        other = copied(rules);
        other.lines &= uint8(seed);
        other.vmpls &= uint8(seed >> 8);
        other.guestClear |= uint32(seed >> 16) & uint32(seed >> 48);
        other.platformSet |= uint8(seed >> 80) & uint8(seed >> 88);
        if ((seed >> 96) & 3 == 0) other.minimumAbi = uint16(seed >> 98);
        if ((seed >> 114) & 3 == 0) other.minimumGuestSvn = uint32(seed >> 116);
        if ((seed >> 148) & 3 == 0) other.provisionalFirmware = false;
        if ((seed >> 150) & 3 == 0) other.unknownPlatformBits = !other.unknownPlatformBits;
        if ((seed >> 152) & 7 == 0) other.guestSet = uint32(seed >> 155);
        if ((seed >> 187) & 3 == 0) other.expiresAt = uint48(seed >> 189);
    }

    /// Random facts pass no rule; these pass most, and fail one here and there.
    function factsFor(HardwareRules memory rules, uint256 seed, uint256 tcbs)
        private
        pure
        returns (SnpPlatform memory facts)
    {
        facts.signer = seed & 1 == 1 ? SnpSigner.Vlek : SnpSigner.Vcek;
        facts.reportVersion = uint8((seed >> 1) & 7);
        facts.vmpl = uint8((seed >> 4) & 3);
        facts.guestSvn = rules.minimumGuestSvn;
        facts.guestPolicy = (rules.guestSet & ~uint64(rules.guestClear)) | rules.minimumAbi;
        facts.platformInfo = rules.platformSet;
        if ((seed >> 6) & 3 == 0) facts.guestPolicy ^= uint64(1 << (16 + ((seed >> 8) & 15)));
        if ((seed >> 12) & 3 == 0) facts.platformInfo ^= uint64(1 << ((seed >> 14) & 15));
        facts.committedTcb = uint64(tcbs);
        facts.reportedTcb = uint64(tcbs) & uint64(tcbs >> 64);
        facts.currentTcb = (tcbs >> 255) == 1 ? facts.committedTcb : facts.committedTcb | uint64(tcbs >> 128);
    }

    function loosen(HardwareRules memory rules, uint256 field) private pure returns (bool changed) {
        bytes32 before = keccak256(abi.encode(rules));
        if (field == 0) rules.lines |= 1;
        if (field == 1) rules.reportVersions |= 4;
        if (field == 2) rules.vmpls |= 8;
        if (field == 3) rules.vlekMayHideChip = true;
        if (field == 4) rules.provisionalFirmware = true;
        if (field == 5 && rules.minimumAbi > 0) rules.minimumAbi--;
        if (field == 6 && rules.minimumGuestSvn > 0) rules.minimumGuestSvn--;
        if (field == 7) rules.guestSet &= rules.guestSet - (rules.guestSet == 0 ? 0 : 1);
        if (field == 8) rules.guestClear &= rules.guestClear - (rules.guestClear == 0 ? 0 : 1);
        if (field == 9) rules.platformSet = 0;
        if (field == 10) rules.platformClear = 0;
        if (field == 11) rules.unknownPlatformBits = true;
        if (field == 12 && rules.expiresAt < type(uint48).max) rules.expiresAt++;
        return keccak256(abi.encode(rules)) != before;
    }

    function step(uint64 tcb, uint256 seed) private pure returns (uint64) {
        uint64 unit = uint64(1 << (8 * (seed % 8)));
        return seed & 8 == 8 ? tcb | (unit * 3) : tcb & ~(unit * 3);
    }

    function copied(HardwareRules memory rules) private pure returns (HardwareRules memory) {
        return abi.decode(abi.encode(rules), (HardwareRules));
    }
}
