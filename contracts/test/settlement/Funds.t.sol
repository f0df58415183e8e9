// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Channels } from "../../src/settlement/Channels.sol";
import { Funds, TokenSignature } from "../../src/settlement/Funds.sol";
import { Heads } from "../../src/settlement/Heads.sol";
import { Settlement } from "../../src/settlement/Settlement.sol";
import { SettlementFixture } from "./SettlementFixture.sol";
import { FeeToken, HookToken, OddToken } from "./TestTokens.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

contract FundsTest is SettlementFixture {
    function setUp() external {
        deploy();
    }

    function test_depositsAreTheAccountsToWithdraw() external {
        vm.prank(payer);
        settlement.deposit(stranger, 500);
        vm.assertEq(settlement.creditOf(stranger), 500);
        vm.assertEq(settlement.creditOf(payer), 0);

        vm.prank(payer);
        vm.expectRevert(Funds.CreditTooLow.selector);
        settlement.withdraw(payer, 1);

        vm.startPrank(stranger);
        settlement.withdraw(operator, 200);
        vm.expectRevert(Funds.CreditTooLow.selector);
        settlement.withdraw(stranger, 301);
        settlement.withdraw(stranger, 300);
        vm.stopPrank();
        vm.assertEq(token.balanceOf(operator), 200);
        vm.assertEq(token.balanceOf(stranger), 300);
        vm.assertEq(token.balanceOf(address(settlement)), 0);
    }

    function test_refusesReceiversThatAreNobody() external {
        vm.startPrank(payer);
        vm.expectRevert(Funds.ZeroAddress.selector);
        settlement.deposit(address(0), 1);
        settlement.deposit(payer, 5);
        vm.expectRevert(Funds.ZeroAddress.selector);
        settlement.withdraw(address(0), 1);
        // Tokens that the settlement sent to itself would be nobody's.
        vm.expectRevert(Funds.ZeroAddress.selector);
        settlement.withdraw(address(settlement), 1);
        vm.stopPrank();
    }

    function test_aLockTakesCreditFirst() external {
        vm.prank(payer);
        settlement.deposit(payer, 300);
        openChannel("one", 200);
        vm.assertEq(settlement.creditOf(payer), 100);
        openChannel("two", 150);
        vm.assertEq(settlement.creditOf(payer), 0);
        vm.assertEq(token.balanceOf(payer), 1_000_000 - 350);
    }

    function test_refusesTokensThatTakeAFee() external {
        FeeToken fee = FeeToken(made("TestTokens.sol:FeeToken", ""));
        Settlement other = settle(address(fee), address(registry), CLOSE_DELAY);
        fee.mint(address(this), 1000);
        fee.approve(address(other), 1000);
        vm.expectRevert(Funds.TokenMovedAnotherAmount.selector);
        other.deposit(address(this), 200);
        TokenSignature memory none;
        vm.expectRevert(Funds.TokenMovedAnotherAmount.selector);
        other.depositWithAuthorization(address(this), 200, 0, 0, 0, none);
        // A fee that rounds to nothing is none.
        other.deposit(address(this), 99);
        vm.assertEq(other.creditOf(address(this)), 99);
    }

    function test_takesTokensThatReturnNothingAndNoneThatReturnFalse() external {
        OddToken odd = OddToken(made("TestTokens.sol:OddToken", ""));
        Settlement other = settle(address(odd), address(registry), CLOSE_DELAY);
        odd.mint(address(this), 1000);
        odd.set(OddToken.Answer.Nothing);
        other.deposit(address(this), 400);
        other.withdraw(stranger, 100);
        vm.assertEq(odd.balanceOf(stranger), 100);
        bytes memory refused = abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(odd));
        for (uint256 i = 0; i < 2; i++) {
            odd.set(i == 0 ? OddToken.Answer.False : OddToken.Answer.Two);
            vm.expectRevert(refused);
            other.deposit(address(this), 1);
            vm.expectRevert(refused);
            other.withdraw(stranger, 1);
        }
        vm.assertEq(other.creditOf(address(this)), 300);
    }

    function test_aTokensHookComesBackToClosedDoors() external {
        HookToken hooked = HookToken(made("TestTokens.sol:HookToken", ""));
        Settlement other = settle(address(hooked), address(registry), CLOSE_DELAY);
        hooked.mint(address(this), 1000);
        hooked.approve(address(other), 1000);
        other.deposit(address(hooked), 100);
        // The token is itself an account with credit, which it tries to take while a deposit is being counted.
        hooked.hook(address(other), abi.encodeCall(other.withdraw, (address(hooked), 100)));
        other.deposit(address(this), 50);
        vm.assertFalse(hooked.entered());
        vm.assertEq(
            hooked.answer(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
        hooked.hook(address(other), abi.encodeCall(other.deposit, (address(hooked), 0)));
        other.withdraw(address(this), 20);
        vm.assertFalse(hooked.entered());
        vm.assertEq(other.creditOf(address(this)), 30);
        vm.assertEq(other.creditOf(address(hooked)), 100);
    }

    function test_aBatchIsAllOrNothing() external {
        (uint256 x, uint256 y) = vm.publicKeyP256(SESSION_KEY);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(settlement.deposit, (payer, 100));
        calls[1] = abi.encodeCall(settlement.openChannel, (operator, bytes32(x), bytes32(y), "salt", 60));
        vm.prank(payer);
        bytes[] memory results = settlement.multicall(calls);
        bytes32 id = abi.decode(results[1], (bytes32));
        vm.assertEq(settlement.channelOf(id).payer, payer);
        vm.assertEq(settlement.creditOf(payer), 40);
        // The same channel again: the deposit before it is undone.
        vm.prank(payer);
        vm.expectRevert(Channels.ChannelExists.selector);
        settlement.multicall(calls);
        vm.assertEq(settlement.creditOf(payer), 40);
    }

    function test_isBuiltOnContractsAndOnADelayThatHumansMeet() external {
        vm.expectRevert(Funds.TokenHasNoCode.selector);
        settle(stranger, address(registry), CLOSE_DELAY);
        vm.expectRevert(Heads.RegistryHasNoCode.selector);
        settle(address(token), stranger, CLOSE_DELAY);
        vm.expectRevert(Channels.CloseDelayOutOfRange.selector);
        settle(address(token), address(registry), 15 minutes - 1);
        vm.expectRevert(Channels.CloseDelayOutOfRange.selector);
        settle(address(token), address(registry), 30 days + 1);
        settle(address(token), address(registry), 15 minutes);
        settle(address(token), address(registry), 30 days);
    }
}
