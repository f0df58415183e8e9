// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { ProofmarkConsumer, RequestState } from "../../src/consumer/ProofmarkConsumer.sol";
import { Escrow, Terms } from "../../src/settlement/Escrows.sol";
import { ConsumerFixture } from "./ConsumerFixture.sol";
import { LyingSettlement, TestConsumer } from "./TestConsumer.sol";

contract ProofmarkConsumerTest is ConsumerFixture {
    function test_takesWhatAWorkerAnsweredUnderItsPolicy() external {
        bytes32 id = consumer.request(ask(), "input");
        vm.assertEq(uint256(consumer.requestOf(id).state), uint256(RequestState.Pending));
        vm.warp(block.timestamp + 10 minutes);
        vm.roll(block.number + 20);
        Terms memory wanted = terms();
        wanted.deadline = START + 1 hours;
        fulfil(id, wanted, "output");
        vm.assertEq(consumer.answers(), 1);
        vm.assertEq(consumer.lastEscrow(), id);
        vm.assertEq(consumer.lastOutput(), "output");
        vm.assertEq(consumer.lastLog(), LOG);
        vm.assertEq(uint256(consumer.requestOf(id).state), uint256(RequestState.Answered));
        vm.assertEq(settlement.creditOf(operator), 70);
        vm.assertEq(settlement.creditOf(address(consumer)), 30);
    }

    function testFuzz_listensToNobodyButItsSettlement(address sender) external {
        vm.assume(sender != address(settlement));
        bytes32 id = consumer.request(ask(), "input");
        vm.prank(sender);
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.NotTheSettlement.selector, sender));
        consumer.onProofmarkResult(id, keccak256("model"), "output", LOG);
    }

    /// Anybody can open an escrow that calls back here, with an input, a policy and a model of its own.
    function test_refusesAnswersToWhatOthersAsked() external {
        Terms memory mine = terms();
        (mine.policy, mine.resultVerifier) = (address(0), address(anything));
        (mine.callback, mine.callbackGas) = (address(consumer), 400_000);
        bytes32 id = openEscrow(mine);
        answer(id);
        vm.assertEq(consumer.answers(), 0);
        vm.assertTrue(settlement.escrowOf(id).undelivered);
        vm.prank(address(settlement));
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.NotPending.selector, id));
        consumer.onProofmarkResult(id, keccak256("model"), "output", 0);
    }

    function test_refusesASecondAnswer() external {
        bytes32 id = consumer.request(proven(), "input");
        answer(id);
        vm.assertEq(consumer.answers(), 1);
        vm.prank(address(settlement));
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.NotPending.selector, id));
        consumer.onProofmarkResult(id, keccak256("model"), "another output", 0);
    }

    function test_refusesAnotherModelAndOtherTermsEvenFromItsSettlement() external {
        bytes32 model = keccak256("model");
        bytes32 id = consumer.request(ask(), "input");
        vm.prank(address(settlement));
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.AnswerOfOtherModel.selector, bytes32("other")));
        consumer.onProofmarkResult(id, "other", "output", LOG);

        LyingSettlement liar = LyingSettlement(made("TestConsumer.sol:LyingSettlement", abi.encode(token)));
        consumer = TestConsumer(made("TestConsumer.sol:TestConsumer", abi.encode(liar)));
        id = consumer.request(ask(), "input");
        Escrow memory right = liar.escrowOf(id);
        for (uint256 i = 0; i < 4; i++) {
            Escrow memory wrong = liar.escrowOf(id);
            if (i == 0) wrong.policy = address(anything);
            if (i == 1) wrong.resultVerifier = address(anything);
            if (i == 2) wrong.modelId = "other";
            if (i == 3) wrong.requester = requester;
            liar.keep(wrong);
            vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.AnswerUnderOtherTerms.selector, id));
            liar.answer(consumer, model);
            liar.keep(right);
        }
        liar.answer(consumer, model);
        vm.assertEq(consumer.answers(), 1);
    }
}
