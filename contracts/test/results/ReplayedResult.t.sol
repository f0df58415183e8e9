// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Answer } from "../../src/results/IResultVerifier.sol";
import { Approval, Auditor, ReplayedResult } from "../../src/results/ReplayedResult.sol";
import { Test } from "../support/Test.sol";

/// forge-config: default.fuzz.runs = 256
contract ReplayedResultTest is Test {
    uint256 private constant N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;
    uint256 private constant P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff;
    uint256 private constant AUDITORS = 4;

    ReplayedResult private replayed;

    function setUp() external {
        replayed = new ReplayedResult(auditors(AUDITORS), 2);
    }

    function test_saysWhomItTrusts() external {
        vm.assertEq(replayed.AUDITORS(), AUDITORS);
        vm.assertEq(replayed.NEEDED(), 2);
        vm.assertTrue(replayed.needsReceipt());
        for (uint256 i = 0; i < AUDITORS; i++) {
            (uint256 x, uint256 y) = vm.publicKeyP256(keyOf(i));
            vm.assertEq(replayed.auditorAt(i).x, bytes32(x));
            vm.assertEq(replayed.auditorAt(i).y, bytes32(y));
        }
        vm.expectRevert(ReplayedResult.AuditorsInvalid.selector);
        replayed.auditorAt(AUDITORS);
    }

    /// Whoever of them approves, in the order of the list: enough is enough, and more is as good.
    function testFuzz_countsApprovals(uint256 who) external view {
        Answer memory answer = answered();
        Approval[] memory approvals = approved(address(replayed), answer, who % 16);
        vm.assertEq(replayed.verify(answer, abi.encode(approvals)), approvals.length >= 2);
    }

    function testFuzz_isOfThisAnswer(uint256 which, bytes32 other) external view {
        Answer memory answer = answered();
        bytes memory proof = abi.encode(approved(address(replayed), answer, 15));
        bytes32 before = keccak256(abi.encode(answer));
        which %= 6;
        if (which == 0) answer.escrow = other;
        if (which == 1) answer.modelId = other;
        if (which == 2) answer.inputHash = other;
        if (which == 3) answer.output = abi.encode(other);
        if (which == 4) answer.log = other;
        if (which == 5) answer.execution = other;
        if (keccak256(abi.encode(answer)) == before) return;
        vm.assertFalse(replayed.verify(answer, proof));
    }

    function test_isOfOneChainAndOneContract() external {
        Answer memory answer = answered();
        bytes memory proof = abi.encode(approved(address(replayed), answer, 15));
        vm.assertTrue(replayed.verify(answer, proof));
        vm.assertFalse(new ReplayedResult(auditors(AUDITORS), 2).verify(answer, proof));
        vm.chainId(block.chainid + 1);
        vm.assertFalse(replayed.verify(answer, proof));
    }

    /// What no receipt came with has no log, and nobody approves that.
    function test_wantsAReceipt() external view {
        Answer memory answer = answered();
        answer.log = 0;
        vm.assertFalse(replayed.verify(answer, abi.encode(approved(address(replayed), answer, 15))));
    }

    function test_countsNobodyTwice() external view {
        Answer memory answer = answered();
        Approval[] memory twice = approved(address(replayed), answer, 3);
        twice[1] = twice[0];
        vm.assertFalse(replayed.verify(answer, abi.encode(twice)));
        Approval[] memory turned = approved(address(replayed), answer, 3);
        (turned[0], turned[1]) = (turned[1], turned[0]);
        vm.assertFalse(replayed.verify(answer, abi.encode(turned)));
    }

    /// Two good ones do not make up for it.
    function test_refusesAnyWrongApproval() external view {
        Answer memory answer = answered();
        Approval[] memory approvals = approved(address(replayed), answer, 7);
        approvals[2].auditor = 3;
        vm.assertFalse(replayed.verify(answer, abi.encode(approvals)));
        approvals[2].auditor = AUDITORS;
        vm.assertFalse(replayed.verify(answer, abi.encode(approvals)));
        approvals[2].auditor = type(uint256).max;
        vm.assertFalse(replayed.verify(answer, abi.encode(approvals)));
    }

    function test_refusesAKeyThatIsNotNamed() external view {
        Answer memory answer = answered();
        Approval[] memory approvals = approved(address(replayed), answer, 3);
        (approvals[1].r, approvals[1].s) = signed(keyOf(9), address(replayed), answer);
        vm.assertFalse(replayed.verify(answer, abi.encode(approvals)));
    }

    function test_refusesAHighS() external view {
        Answer memory answer = answered();
        Approval[] memory approvals = approved(address(replayed), answer, 3);
        approvals[1].s = bytes32(N - uint256(approvals[1].s));
        vm.assertFalse(replayed.verify(answer, abi.encode(approvals)));
    }

    function testFuzz_refusesAnyOtherProof(uint256 at) external view {
        Answer memory answer = answered();
        bytes memory proof = abi.encode(approved(address(replayed), answer, 3));
        at = bound(at, 0, proof.length * 8 - 1);
        proof[at / 8] ^= bytes1(uint8(1 << (at % 8)));
        refuses(answer, proof);
    }

    function testFuzz_refusesOtherLengths(uint256 length) external view {
        Answer memory answer = answered();
        bytes memory proof = abi.encode(approved(address(replayed), answer, 3));
        length = bound(length, 0, 600);
        if (length == proof.length) return;
        bytes memory cut = new bytes(length);
        for (uint256 i = 0; i < length && i < proof.length; i++) {
            cut[i] = proof[i];
        }
        refuses(answer, cut);
    }

    function test_refusesListsThatMeanNothing() external {
        vm.expectRevert(ReplayedResult.AuditorsInvalid.selector);
        new ReplayedResult(auditors(2), 0);
        vm.expectRevert(ReplayedResult.AuditorsInvalid.selector);
        new ReplayedResult(auditors(2), 3);
        vm.expectRevert(ReplayedResult.AuditorsInvalid.selector);
        new ReplayedResult(auditors(0), 0);
        Auditor[] memory many = auditors(17);
        vm.expectRevert(ReplayedResult.AuditorsInvalid.selector);
        new ReplayedResult(many, 2);
        vm.assertEq(new ReplayedResult(auditors(16), 16).NEEDED(), 16);
    }

    function test_refusesOneAuditorUnderTwoNames() external {
        Auditor[] memory twice = auditors(3);
        twice[2] = twice[0];
        vm.expectRevert(abi.encodeWithSelector(ReplayedResult.AuditorTwice.selector, 2));
        new ReplayedResult(twice, 2);
        // The negative of a key: n - d signs for it.
        twice[2] = Auditor(twice[0].x, bytes32(P - uint256(twice[0].y)));
        vm.expectRevert(abi.encodeWithSelector(ReplayedResult.AuditorTwice.selector, 2));
        new ReplayedResult(twice, 2);
    }

    function test_refusesKeysOffTheCurve() external {
        Auditor[] memory off = auditors(3);
        off[1].y = bytes32(uint256(off[1].y) ^ 1);
        vm.expectRevert(abi.encodeWithSelector(ReplayedResult.AuditorKeyInvalid.selector, 1));
        new ReplayedResult(off, 2);
        off[1] = Auditor(0, 0);
        vm.expectRevert(abi.encodeWithSelector(ReplayedResult.AuditorKeyInvalid.selector, 1));
        new ReplayedResult(off, 2);
    }

    /// False or a revert: a settlement takes both as no.
    function refuses(Answer memory answer, bytes memory proof) private view {
        bytes memory question = abi.encodeCall(ReplayedResult.verify, (answer, proof));
        (bool done, bytes memory said) = address(replayed).staticcall(question);
        vm.assertFalse(done && abi.decode(said, (bool)));
    }

    function keyOf(uint256 which) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("auditor", which))) % N;
    }

    function auditors(uint256 count) private pure returns (Auditor[] memory list) {
        list = new Auditor[](count);
        for (uint256 i = 0; i < count; i++) {
            (uint256 x, uint256 y) = vm.publicKeyP256(keyOf(i));
            list[i] = Auditor(bytes32(x), bytes32(y));
        }
    }

    /// By those whose bit is set.
    function approved(address verifier, Answer memory answer, uint256 who)
        private
        view
        returns (Approval[] memory approvals)
    {
        uint256 count;
        for (uint256 i = 0; i < AUDITORS; i++) {
            count += (who >> i) & 1;
        }
        approvals = new Approval[](count);
        for (uint256 i = AUDITORS; i > 0; i--) {
            if ((who >> (i - 1)) & 1 == 0) continue;
            (bytes32 r, bytes32 s) = signed(keyOf(i - 1), verifier, answer);
            approvals[--count] = Approval(i - 1, r, s);
        }
    }

    function signed(uint256 key, address verifier, Answer memory answer) private view returns (bytes32 r, bytes32 s) {
        bytes memory words = abi.encodePacked(
            bytes32("proofmark approval v1"),
            uint256(block.chainid),
            uint256(uint160(verifier)),
            answer.escrow,
            answer.log,
            answer.modelId,
            answer.inputHash,
            sha256(answer.output),
            answer.execution
        );
        (r, s) = vm.signP256(key, sha256(words));
        if (uint256(s) > N / 2) s = bytes32(N - uint256(s));
    }

    function answered() private pure returns (Answer memory answer) {
        answer.escrow = keccak256("escrow");
        answer.modelId = keccak256("model");
        answer.inputHash = keccak256("input");
        answer.output = "output";
        answer.payee = address(0xbeef);
        answer.log = keccak256("log");
        answer.execution = keccak256("execution");
    }
}
