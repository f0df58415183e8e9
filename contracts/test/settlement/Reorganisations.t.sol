// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Escrows, Terms } from "../../src/settlement/Escrows.sol";
import { LoggedReceipt } from "../../src/settlement/Heads.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

/// Blocks that are replaced by others, and what was in them is mined again.
contract ReorganisationsTest is SettlementFixture {
    function setUp() external {
        deploy();
    }

    function test_aClaimThatIsMinedAgainPaysOnce() external {
        bytes32 channel = openChannel("salt", 1000);
        claim(channel, 100, 1000);
        uint256 before = token.balanceOf(operator);
        uint256 fork = vm.snapshotState();
        vm.assertEq(claim(channel, 250, 1000), 150);
        vm.assertTrue(vm.revertToState(fork));
        vm.roll(block.number + 2);
        vm.assertEq(claim(channel, 250, 1000), 150);
        vm.assertEq(claim(channel, 250, 1000), 0);
        vm.assertEq(token.balanceOf(operator), before + 150);
    }

    /// The id is of the branch: an answer for the one branch is none on the other, and nobody has paid twice.
    function test_anEscrowOfAnotherBranchIsAnother() external {
        Terms memory wanted = terms();
        vm.setBlockhash(block.number - 1, "one branch");
        uint256 fork = vm.snapshotState();
        bytes32 one = openEscrow(wanted);
        LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(one, wanted, "output"));
        settlement.fulfil(one, "output", answered, "");
        vm.assertTrue(vm.revertToState(fork));
        vm.setBlockhash(block.number - 1, "other branch");
        bytes32 other = openEscrow(wanted);
        vm.assertTrue(other != one);
        vm.expectRevert(Escrows.EscrowNotOpen.selector);
        settlement.fulfil(one, "output", answered, "");
        vm.expectRevert(Escrows.ReceiptOfOtherRequest.selector);
        settlement.fulfil(other, "output", answered, "");
        fulfil(other, wanted, "output");
        vm.assertEq(settlement.creditOf(operator), 70);
    }

    /// On the same branch it has the same id, and what was answered stays answered.
    function test_anEscrowThatIsMinedAgainIsTheSame() external {
        Terms memory wanted = terms();
        uint256 fork = vm.snapshotState();
        bytes32 one = openEscrow(wanted);
        LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(one, wanted, "output"));
        vm.assertTrue(vm.revertToState(fork));
        vm.assertEq(openEscrow(wanted), one);
        settlement.fulfil(one, "output", answered, "");
        vm.assertEq(settlement.creditOf(operator), 70);
    }
}
