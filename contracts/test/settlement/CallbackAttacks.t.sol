// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { CallGasTooLow } from "../../src/settlement/BoundedCall.sol";
import { EscrowState, Escrows, Terms } from "../../src/settlement/Escrows.sol";
import { LoggedReceipt } from "../../src/settlement/Heads.sol";
import { Hostile, Receiver } from "./Policies.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

contract CallbackAttacksTest is SettlementFixture {
    uint256 private constant GAS = 400_000;

    Receiver private receiver;
    Terms private wanted;
    bytes32 private id;

    function setUp() external {
        deploy();
        receiver = Receiver(made("Policies.sol:Receiver", ""));
        wanted = terms();
        (wanted.callback, wanted.callbackGas) = (address(receiver), GAS);
        id = openEscrow(wanted);
    }

    /// The attack on the 63/64 rule: whoever fulfils gives so little that the callback must fail and the rest does not.
    function test_tooLittleGasFulfilsNothing() external {
        receiver.set(false, 200_000);
        LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(id, wanted, "output"));
        uint256 short = 0;
        uint256 enough = 0;
        for (uint256 given = 100_000; given < 900_000; given += 7_919) {
            uint256 state = vm.snapshotState();
            bool done = false;
            try settlement.fulfil{ gas: given }(id, "output", answered, "") {
                done = true;
            } catch { }
            // Fulfilled is delivered: no amount of gas divides the two.
            vm.assertEq(done, receiver.count() == 1);
            vm.assertEq(done, settlement.escrowOf(id).state == EscrowState.Fulfilled);
            if (done) enough++;
            else short++;
            vm.revertToState(state);
        }
        vm.assertLt(10, short);
        vm.assertLt(10, enough);
        vm.expectRevert(CallGasTooLow.selector);
        settlement.fulfil{ gas: 500_000 }(id, "output", answered, "");
    }

    function test_hostileReceiversCostWhatWasAskedFor() external {
        for (uint256 deed = 0; deed <= uint256(Hostile.Deed.LongTrue); deed++) {
            wanted.callback = made("Policies.sol:Hostile", abi.encode(deed));
            bytes32 each = openEscrow(wanted);
            LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(each, wanted, "output"));
            uint256 before = gasleft();
            settlement.fulfil(each, "output", answered, "");
            vm.assertLt(before - gasleft(), GAS + 400_000);
        }
        vm.assertEq(settlement.creditOf(operator), 70 * (uint256(Hostile.Deed.LongTrue) + 1));
    }

    /// From within the callback everything is written: the same escrow pays nothing twice, and the next may be opened.
    function test_reentrancyFindsEverythingWritten() external {
        wanted.callbackGas = 2_000_000;
        id = openEscrow(wanted);
        LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(id, wanted, "output"));
        bytes[6] memory calls = [
            abi.encodeCall(settlement.fulfil, (id, "output", answered, "")),
            abi.encodeCall(settlement.refund, (id)),
            abi.encodeCall(settlement.retryCallback, (id, "output", LOG)),
            abi.encodeCall(settlement.withdraw, (address(receiver), 1)),
            abi.encodeCall(settlement.fulfilProven, (id, "output", address(receiver), "")),
            abi.encodeCall(settlement.openEscrow, (wanted, "next"))
        ];
        bytes4[5] memory answers = [
            Escrows.EscrowNotOpen.selector,
            Escrows.EscrowNotOpen.selector,
            Escrows.NothingToDeliver.selector,
            bytes4(keccak256("CreditTooLow()")),
            Escrows.EscrowNotOpen.selector
        ];
        fund(address(receiver), 100);
        for (uint256 i = 0; i < 6; i++) {
            uint256 state = vm.snapshotState();
            receiver.onCallback(address(settlement), calls[i]);
            settlement.fulfil(id, "output", answered, "");
            vm.assertEq(receiver.count(), 1);
            vm.assertEq(settlement.creditOf(operator), 70);
            vm.assertEq(receiver.done(), i == 5);
            if (i < 5) vm.assertEq(bytes32(bytes4(receiver.answer())), bytes32(answers[i]));
            vm.assertEq(settlement.nonceOf(address(receiver)), i == 5 ? 1 : 0);
            vm.revertToState(state);
        }
    }

    /// From within a retry, the retry.
    function test_aRetryDoesNotDeliverTwice() external {
        receiver.set(true, 0);
        fulfil(id, wanted, "output");
        receiver.set(false, 0);
        receiver.onCallback(address(settlement), abi.encodeCall(settlement.retryCallback, (id, "output", LOG)));
        settlement.retryCallback(id, "output", LOG);
        vm.assertEq(receiver.count(), 1);
        vm.assertFalse(receiver.done());
    }
}
