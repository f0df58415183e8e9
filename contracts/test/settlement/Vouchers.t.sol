// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Channels, Voucher } from "../../src/settlement/Channels.sol";
import { LoggedReceipt } from "../../src/settlement/Heads.sol";
import { Settlement } from "../../src/settlement/Settlement.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

contract VouchersTest is SettlementFixture {
    bytes32 private channel;

    function setUp() external {
        deploy();
        channel = openChannel("salt", 1000);
    }

    function test_paysThePayeeWhoeverClaims() external {
        vm.prank(stranger);
        vm.assertEq(claim(channel, 120, 500), 120);
        vm.assertEq(token.balanceOf(operator), 120);
        vm.assertEq(settlement.claimedOf(channel, LOG), 120);
        vm.assertEq(settlement.channelOf(channel).balance, 880);
        // Later receipts add; the same and older ones do not, and stop nobody's batch.
        vm.assertEq(claim(channel, 200, 500), 80);
        vm.assertEq(claim(channel, 200, 500), 0);
        vm.assertEq(claim(channel, 120, 500), 0);
        vm.assertEq(token.balanceOf(operator), 200);
    }

    function test_neverMoreThanTheVoucherOrTheLock() external {
        vm.assertEq(claim(channel, 700, 500), 500);
        vm.assertEq(claim(channel, 700, 500), 0);
        vm.assertEq(claim(channel, type(uint128).max, type(uint128).max), 500);
        vm.assertEq(settlement.channelOf(channel).balance, 0);
        vm.assertEq(claim(channel, type(uint128).max, type(uint128).max), 0);
        // What the lock had no room for is owed on, and paid when there is.
        vm.prank(payer);
        settlement.topUp(channel, 30);
        vm.assertEq(claim(channel, type(uint128).max, type(uint128).max), 30);
        vm.assertEq(settlement.claimedOf(channel, LOG), 1030);
    }

    /// A9: whoever has the worker's key says what it likes, and gets what vouchers for this log leave open.
    function testFuzz_aStolenWorkerKeyCostsTheOutstandingVoucher(uint128 asked, uint256 voucher, uint256 honest)
        external
    {
        voucher = bound(voucher, 0, 900);
        honest = bound(honest, 0, voucher);
        if (honest > 0) claim(channel, honest, voucher);
        LoggedReceipt memory forged = logged(WORKER_KEY, LOG, charge(channel, asked));
        settlement.claim(forged, voucherFor(channel, LOG, voucher));
        vm.assertLe(settlement.claimedOf(channel, LOG), voucher);
        vm.assertEq(settlement.channelOf(channel).balance, 1000 - settlement.claimedOf(channel, LOG));
    }

    function test_eachLogHasItsOwnVoucherAndTotal() external {
        enrol("second", WORKER_KEY + 1, operator);
        vm.assertEq(claim(channel, 300, 300), 300);
        LoggedReceipt memory other = logged(WORKER_KEY + 1, "second", charge(channel, 100));
        Voucher memory voucher = voucherFor(channel, LOG, 300);
        vm.expectRevert(Channels.VoucherNotSigned.selector);
        settlement.claim(other, voucher);
        vm.assertEq(settlement.claim(other, voucherFor(channel, "second", 60)), 60);
        vm.assertEq(settlement.claimedOf(channel, LOG), 300);
        vm.assertEq(settlement.claimedOf(channel, "second"), 60);
    }

    function test_aLogOfAnotherOperatorIsNotPaidFromHere() external {
        enrol("thief", WORKER_KEY + 1, stranger);
        LoggedReceipt memory theirs = logged(WORKER_KEY + 1, "thief", charge(channel, 100));
        Voucher memory voucher = voucherFor(channel, "thief", 100);
        vm.expectRevert(Channels.OperatorIsNotPayee.selector);
        settlement.claim(theirs, voucher);
    }

    function testFuzz_aVoucherIsOfItsWordsOnly(uint8 place, uint8 bit) external {
        LoggedReceipt memory charged = logged(WORKER_KEY, LOG, charge(channel, 50));
        Voucher memory voucher = voucherFor(channel, LOG, 100);
        bytes32 flip = bytes32(uint256(1) << bit);
        place %= 3;
        if (place == 0) voucher.maxCumulative ^= uint256(flip);
        if (place == 1) voucher.r ^= flip;
        if (place == 2) voucher.s ^= flip;
        vm.expectRevert(Channels.VoucherNotSigned.selector);
        settlement.claim(charged, voucher);
    }

    function test_vouchersOfOtherChainsSettlementsAndKeysAreNone() external {
        LoggedReceipt memory charged = logged(WORKER_KEY, LOG, charge(channel, 50));
        settlement.postHead(charged.head);
        Settlement here = settlement;
        settlement = settle(address(token), address(registry), CLOSE_DELAY);
        Voucher memory elsewhere = voucherFor(channel, LOG, 100);
        settlement = here;
        vm.expectRevert(Channels.VoucherNotSigned.selector);
        settlement.claim(charged, elsewhere);

        Voucher memory voucher = voucherFor(channel, LOG, 100);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(Channels.VoucherNotSigned.selector);
        settlement.claim(charged, voucher);
        vm.chainId(block.chainid - 1);

        voucher.s = bytes32(N - uint256(voucher.s));
        vm.expectRevert(Channels.VoucherNotSigned.selector);
        settlement.claim(charged, voucher);
        voucher = voucherFor(channel, LOG, 1 << 128);
        vm.expectRevert(Channels.VoucherNotSigned.selector);
        settlement.claim(charged, voucher);
        vm.assertEq(settlement.claim(charged, voucherFor(channel, LOG, 100)), 50);
    }
}
