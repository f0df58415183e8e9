// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Escrows, Terms } from "../../src/settlement/Escrows.sol";
import { Funds } from "../../src/settlement/Funds.sol";
import { LoggedReceipt } from "../../src/settlement/Heads.sol";
import { Hostile, StubVerifier } from "./Policies.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

/// Policies and result verifiers of all kinds: each harms the requester that named it, and nobody else.
contract NamedContractsTest is SettlementFixture {
    function setUp() external {
        deploy();
    }

    function test_hostilePoliciesAcceptNobody() external {
        Terms memory wanted = terms();
        bytes32 honest = openEscrow(wanted);
        for (uint256 deed = 0; deed < uint256(Hostile.Deed.LongTrue); deed++) {
            wanted.policy = made("Policies.sol:Hostile", abi.encode(deed));
            bytes32 id = openEscrow(wanted);
            LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(id, wanted, "output"));
            uint256 before = gasleft();
            vm.expectRevert(Escrows.LogNotAccepted.selector);
            settlement.fulfil{ gas: 4_000_000 }(id, "output", answered, "");
            // What is burnt is the cap and what is around it, whatever the policy does.
            vm.assertLt(before - gasleft(), 1_000_000);
        }
        fulfil(honest, terms(), "output");
        vm.warp(wanted.deadline + 1);
        vm.assertEq(settlement.creditOf(operator), 70);
    }

    function test_hostileVerifiersVerifyNothing() external {
        StubVerifier verifier = StubVerifier(made("Policies.sol:StubVerifier", abi.encode(false)));
        Terms memory wanted = terms();
        (wanted.policy, wanted.resultVerifier) = (address(0), address(verifier));
        bytes32 id = openEscrow(wanted);
        for (uint256 deed = 0; deed < uint256(Hostile.Deed.LongTrue); deed++) {
            // In the place of what answered when the escrow was opened.
            vm.etch(address(verifier), made("Policies.sol:Hostile", abi.encode(deed)).code);
            vm.expectRevert(Escrows.ResultNotVerified.selector);
            settlement.fulfilProven{ gas: 14_000_000 }(id, "output", operator, "proof");
        }
        vm.warp(wanted.deadline + 1);
        settlement.refund(id);
        vm.assertEq(settlement.creditOf(requester), 100);
    }

    function test_aProofPaysWhomItNames() external {
        StubVerifier verifier = StubVerifier(made("Policies.sol:StubVerifier", abi.encode(false)));
        verifier.expect("output", stranger);
        Terms memory wanted = terms();
        (wanted.policy, wanted.resultVerifier) = (address(0), address(verifier));
        bytes32 id = openEscrow(wanted);
        // A copy of the call by somebody in front, for himself.
        vm.expectRevert(Escrows.ResultNotVerified.selector);
        settlement.fulfilProven(id, "output", operator, "proof");
        vm.expectRevert(Funds.ZeroAddress.selector);
        settlement.fulfilProven(id, "output", address(0), "proof");
        vm.expectRevert(Escrows.ResultNotVerified.selector);
        settlement.fulfilProven(id, "outpuT", stranger, "proof");
        vm.expectRevert(Escrows.ResultNotVerified.selector);
        settlement.fulfilProven(id, "output", stranger, "Proof");
        LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(id, wanted, "output"));
        vm.expectRevert(Escrows.ReceiptNotNeeded.selector);
        settlement.fulfil(id, "output", answered, "proof");

        settlement.fulfilProven(id, "output", stranger, "proof");
        vm.assertEq(settlement.creditOf(stranger), 70);
        vm.assertEq(settlement.creditOf(requester), 30);
        vm.assertTrue(settlement.isAnswer(id, "output", 0));
        vm.expectRevert(Escrows.EscrowNotOpen.selector);
        settlement.fulfilProven(id, "output", stranger, "proof");
    }

    function test_aVerifierCanAskForReceiptAndProof() external {
        StubVerifier verifier = StubVerifier(made("Policies.sol:StubVerifier", abi.encode(true)));
        verifier.expect("output", operator);
        Terms memory wanted = terms();
        wanted.resultVerifier = address(verifier);
        bytes32 id = openEscrow(wanted);
        LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(id, wanted, "output"));
        vm.expectRevert(Escrows.ResultNotVerified.selector);
        settlement.fulfil(id, "output", answered, "");
        settlement.fulfil(id, "output", answered, "proof");
        vm.assertEq(settlement.creditOf(operator), 70);
    }

    /// Too little gas makes a policy's no of its yes, and then nothing happens at all.
    function test_starvingAPolicyChangesNothing() external {
        Terms memory wanted = terms();
        bytes32 id = openEscrow(wanted);
        LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(id, wanted, "output"));
        for (uint256 given = 60_000; given < 140_000; given += 1_111) {
            uint256 state = vm.snapshotState();
            try settlement.fulfil{ gas: given }(id, "output", answered, "") { } catch { }
            uint256 paid = settlement.creditOf(operator);
            vm.assertTrue(paid == 0 || paid == 70);
            vm.assertEq(paid == 70, settlement.isAnswer(id, "output", LOG));
            vm.revertToState(state);
        }
    }
}
