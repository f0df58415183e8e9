// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Ask, NO_LIMIT, ProofmarkConsumer, RequestState } from "../../src/consumer/ProofmarkConsumer.sol";
import { EscrowState, Escrows } from "../../src/settlement/Escrows.sol";
import { ConsumerFixture } from "./ConsumerFixture.sol";

contract ConsumerRequestsTest is ConsumerFixture {
    function test_refusesWhatIsTooOldInBlocksOrInSeconds() external {
        for (uint256 i = 0; i < 2; i++) {
            bytes32 id = consumer.request(proven(), "input");
            if (i == 0) vm.roll(block.number + 21);
            else vm.warp(block.timestamp + 10 minutes + 1);
            answer(id);
            vm.assertEq(consumer.answers(), 0);
            vm.expectRevert(Escrows.CallbackReverted.selector);
            settlement.retryCallback(id, "output", 0);
            vm.prank(address(settlement));
            vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.AnswerTooOld.selector, id));
            consumer.onProofmarkResult(id, keccak256("model"), "output", 0);
            consumer.abandon(id);
            vm.assertEq(consumer.abandoned(), i + 1);
        }
    }

    function test_noLimitIsWritten() external {
        Ask memory wanted = proven();
        (wanted.maxAgeBlocks, wanted.maxAgeSeconds) = (NO_LIMIT, NO_LIMIT);
        wanted.lifetimeSeconds = 365 days;
        bytes32 id = consumer.request(wanted, "input");
        vm.warp(block.timestamp + 364 days);
        vm.roll(block.number + 100_000_000);
        answer(id);
        vm.assertEq(consumer.answers(), 1);
        (wanted.maxAgeBlocks, wanted.maxAgeSeconds) = (0, NO_LIMIT);
        askInvalid(wanted);
        (wanted.maxAgeBlocks, wanted.maxAgeSeconds) = (NO_LIMIT, 0);
        askInvalid(wanted);
        (wanted.maxAgeSeconds, wanted.callbackGas) = (NO_LIMIT, 0);
        askInvalid(wanted);
    }

    function askInvalid(Ask memory wanted) private {
        vm.expectRevert(ProofmarkConsumer.AskInvalid.selector);
        consumer.request(wanted, "input");
    }

    function test_whatItsHookRefusedIsTriedAgain() external {
        consumer.refuse(true);
        bytes32 id = consumer.request(proven(), "input");
        answer(id);
        vm.assertEq(consumer.answers(), 0);
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.NotStuck.selector, id));
        consumer.abandon(id);
        consumer.refuse(false);
        settlement.retryCallback(id, "output", 0);
        vm.assertEq(consumer.answers(), 1);
    }

    function test_reenteringFindsNothingToAnswer() external {
        bytes32 id = consumer.request(proven(), "input");
        consumer.inHook(address(settlement), abi.encodeCall(settlement.retryCallback, (id, "output", 0)));
        answer(id);
        vm.assertEq(consumer.answers(), 1);
        vm.assertFalse(consumer.callSucceeded());
        id = consumer.request(proven(), "input");
        consumer.inHook(address(consumer), abi.encodeCall(consumer.abandon, (id)));
        answer(id);
        vm.assertFalse(consumer.callSucceeded());
        vm.assertEq(consumer.abandoned(), 0);
        vm.assertEq(uint256(consumer.requestOf(id).state), uint256(RequestState.Answered));
    }

    function test_theHookMayAskAgain() external {
        Ask memory next = proven();
        next.callbackGas = 1_000_000;
        consumer.askNext(next);
        bytes32 id = consumer.request(next, "input");
        answer(id);
        bytes32 second = consumer.followUpEscrow();
        vm.assertEq(consumer.answers(), 1);
        vm.assertEq(uint256(consumer.requestOf(second).state), uint256(RequestState.Pending));
        answer(second);
        vm.assertEq(consumer.answers(), 2);
    }

    function test_whatNobodyAnsweredIsAbandonedAndPaysForTheNext() external {
        bytes32 id = consumer.request(ask(), "input");
        vm.assertEq(token.balanceOf(address(consumer)), 900);
        vm.warp(block.timestamp + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.NotStuck.selector, id));
        consumer.abandon(id);
        vm.warp(block.timestamp + 1);
        vm.prank(stranger);
        consumer.abandon(id);
        vm.assertEq(consumer.abandoned(), 1);
        vm.assertEq(settlement.creditOf(address(consumer)), 100);
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.NotPending.selector, id));
        consumer.abandon(id);
        vm.prank(address(settlement));
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.NotPending.selector, id));
        consumer.onProofmarkResult(id, keccak256("model"), "output", LOG);
        consumer.request(ask(), "input");
        vm.assertEq(token.balanceOf(address(consumer)), 900);
        vm.assertEq(settlement.creditOf(address(consumer)), 0);
    }

    function test_whatSomebodyElseRefundedIsAbandonedToo() external {
        bytes32 id = consumer.request(ask(), "input");
        vm.warp(block.timestamp + 1 hours + 1);
        settlement.refund(id);
        consumer.abandon(id);
        vm.assertEq(settlement.creditOf(address(consumer)), 100);
        consumer.takeOut(stranger, 100);
        vm.assertEq(token.balanceOf(stranger), 100);
        vm.assertEq(uint256(settlement.escrowOf(id).state), uint256(EscrowState.Refunded));
    }

    function testFuzz_abandonsNothingThatIsNotItsOwn(bytes32 id) external {
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.NotPending.selector, id));
        consumer.abandon(id);
    }
}
