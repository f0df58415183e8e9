// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Channel, Channels, Voucher } from "../../src/settlement/Channels.sol";
import { Funds } from "../../src/settlement/Funds.sol";
import { LoggedReceipt } from "../../src/settlement/Heads.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

contract ChannelsTest is SettlementFixture {
    bytes32 private channel;

    function setUp() external {
        deploy();
        channel = openChannel("salt", 1000);
    }

    function test_isWhatWasOpened() external view {
        (uint256 x, uint256 y) = vm.publicKeyP256(SESSION_KEY);
        Channel memory opened = settlement.channelOf(channel);
        vm.assertEq(opened.payer, payer);
        vm.assertEq(opened.payee, operator);
        vm.assertEq(opened.sessionX, bytes32(x));
        vm.assertEq(opened.sessionY, bytes32(y));
        vm.assertEq(opened.balance, 1000);
        vm.assertEq(opened.closesAt, 0);
        bytes memory words = abi.encode(
            bytes32("proofmark channel v1"), block.chainid, address(settlement), payer, operator, x, y, bytes32("salt")
        );
        vm.assertEq(channel, sha256(words));
    }

    function test_opensOnceEver() external {
        (uint256 x, uint256 y) = vm.publicKeyP256(SESSION_KEY);
        vm.startPrank(payer);
        vm.expectRevert(Channels.ChannelExists.selector);
        settlement.openChannel(operator, bytes32(x), bytes32(y), "salt", 1000);
        settlement.startClose(channel);
        vm.warp(START + CLOSE_DELAY);
        settlement.finishClose(channel);
        vm.expectRevert(Channels.ChannelExists.selector);
        settlement.openChannel(operator, bytes32(x), bytes32(y), "salt", 1000);
        // Another salt is another channel, for which old vouchers are not.
        bytes32 reopened = settlement.openChannel(operator, bytes32(x), bytes32(y), "salt 2", 1000);
        vm.stopPrank();
        LoggedReceipt memory charged = logged(WORKER_KEY, LOG, charge(reopened, 50));
        Voucher memory voucher = voucherFor(channel, LOG, 500);
        vm.expectRevert(Channels.ChannelEnded.selector);
        settlement.claim(charged, voucher);
        voucher.channel = reopened;
        vm.expectRevert(Channels.VoucherNotSigned.selector);
        settlement.claim(charged, voucher);
    }

    function test_refusesWhatNoChannelCanBe() external {
        (uint256 x, uint256 y) = vm.publicKeyP256(SESSION_KEY);
        vm.startPrank(payer);
        vm.expectRevert(Funds.ZeroAddress.selector);
        settlement.openChannel(address(0), bytes32(x), bytes32(y), "1", 1);
        vm.expectRevert(Channels.SessionKeyInvalid.selector);
        settlement.openChannel(operator, bytes32(x), bytes32(y ^ 1), "1", 1);
        vm.expectRevert(Funds.AmountOutOfRange.selector);
        settlement.openChannel(operator, bytes32(x), bytes32(y), "1", 0);
        vm.expectRevert(Funds.AmountOutOfRange.selector);
        settlement.openChannel(operator, bytes32(x), bytes32(y), "1", 1 << 128);
        vm.expectRevert(Funds.AmountOutOfRange.selector);
        settlement.topUp(channel, 0);
        vm.expectRevert(Funds.AmountOutOfRange.selector);
        settlement.topUp(channel, type(uint128).max);
        vm.expectRevert(Channels.ChannelUnknown.selector);
        settlement.topUp("no channel", 1);
        vm.stopPrank();
    }

    function test_closesAfterTheDelayAndIsClaimableUntilThen() external {
        vm.prank(stranger);
        vm.expectRevert(Channels.NotPayer.selector);
        settlement.startClose(channel);
        vm.expectRevert(Channels.ChannelNotEnded.selector);
        settlement.finishClose(channel);
        vm.prank(payer);
        settlement.startClose(channel);
        vm.prank(payer);
        vm.expectRevert(Channels.ChannelIsClosing.selector);
        settlement.startClose(channel);
        vm.prank(payer);
        vm.expectRevert(Channels.ChannelIsClosing.selector);
        settlement.topUp(channel, 1);

        vm.warp(START + CLOSE_DELAY - 1);
        vm.expectRevert(Channels.ChannelNotEnded.selector);
        settlement.finishClose(channel);
        vm.assertEq(claim(channel, 300, 300), 300);
        vm.warp(START + CLOSE_DELAY);
        LoggedReceipt memory charged = loggedIn(WORKER_KEY, LOG, charge(channel, 400), 6);
        Voucher memory voucher = voucherFor(channel, LOG, 400);
        vm.expectRevert(Channels.ChannelEnded.selector);
        settlement.claim(charged, voucher);
        vm.prank(stranger);
        settlement.finishClose(channel);
        vm.assertEq(token.balanceOf(payer), 1_000_000 - 300);
        vm.assertEq(token.balanceOf(address(settlement)), 0);
        vm.expectRevert(Channels.ChannelEnded.selector);
        settlement.finishClose(channel);
    }

    function test_anybodyTopsUpForThePayer() external {
        fund(stranger, 100);
        vm.prank(stranger);
        settlement.topUp(channel, 100);
        vm.prank(payer);
        settlement.startClose(channel);
        vm.warp(START + CLOSE_DELAY);
        settlement.finishClose(channel);
        vm.assertEq(token.balanceOf(payer), 1_000_100);
    }
}
