// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Receipt, ReceiptInvalid } from "../../src/log/Receipt.sol";
import { Channels, Voucher } from "../../src/settlement/Channels.sol";
import { Heads, LoggedReceipt } from "../../src/settlement/Heads.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

contract ClaimReceiptsTest is SettlementFixture {
    bytes32 private channel;

    function setUp() external {
        deploy();
        channel = openChannel("salt", 1000);
    }

    function test_aReceiptIsOfItsChannelAndNotOfAnEscrow() external {
        bytes32 other = openChannel("other", 1000);
        LoggedReceipt memory charged = logged(WORKER_KEY, LOG, charge(other, 50));
        Voucher memory voucher = voucherFor(channel, LOG, 100);
        vm.expectRevert(Channels.ReceiptOfOtherChannel.selector);
        settlement.claim(charged, voucher);
        charged = logged(WORKER_KEY, LOG, charge(0, 50));
        vm.expectRevert(Channels.ReceiptOfOtherChannel.selector);
        settlement.claim(charged, voucher);
        voucher.channel = 0;
        vm.expectRevert(Channels.ChannelUnknown.selector);
        settlement.claim(charged, voucher);
    }

    function test_everyStatusTellsWhatIsOwedAndOnlyTwoCharge() external {
        Receipt memory receipt = charge(channel, 50);
        receipt.status = 2;
        refuseReceipt(receipt, Channels.ReceiptContradictsItself.selector);
        receipt.fee = 0;
        Voucher memory voucher = voucherFor(channel, LOG, 100);
        vm.assertEq(settlement.claim(logged(WORKER_KEY, LOG, receipt), voucher), 50);
        receipt = charge(channel, 60);
        receipt.status = 1;
        vm.assertEq(settlement.claim(logged(WORKER_KEY, LOG, receipt), voucher), 10);
        receipt.fee = 61;
        refuseReceipt(receipt, Channels.ReceiptContradictsItself.selector);
    }

    function testFuzz_dirtyHighBitsAreNoReceipt(uint256 place, uint256 bit) external {
        Receipt memory receipt = charge(channel, 50);
        place %= 6;
        uint8[6] memory widths = [3, 3, 128, 128, 64, 48];
        uint256 flip = 1 << bound(bit, widths[place], 255);
        if (place == 0) receipt.flags |= flip;
        if (place == 1) receipt.status |= flip;
        if (place == 2) receipt.fee |= flip;
        if (place == 3) receipt.cumulativeFee |= flip;
        if (place == 4) receipt.deadline |= flip;
        LoggedReceipt memory charged = logged(WORKER_KEY, LOG, receipt);
        if (place == 5) charged.receipt.index |= flip;
        Voucher memory voucher = voucherFor(channel, LOG, 100);
        // A fee this high contradicts the sum as well, which is looked at first.
        bytes4 expected = place == 1 || place == 2 ? bytes4(0) : ReceiptInvalid.selector;
        if (expected == 0) vm.expectRevert();
        else vm.expectRevert(expected);
        settlement.claim(charged, voucher);
    }

    function test_statusesThatNobodyKnowsAreRefused() external {
        Receipt memory receipt = charge(channel, 50);
        (receipt.status, receipt.fee) = (5, 0);
        refuseReceipt(receipt, ReceiptInvalid.selector);
        (receipt.status, receipt.flags) = (4, 8);
        refuseReceipt(receipt, ReceiptInvalid.selector);
        receipt.flags = 7;
        Voucher memory voucher = voucherFor(channel, LOG, 100);
        vm.assertEq(settlement.claim(logged(WORKER_KEY, LOG, receipt), voucher), 50);
    }

    function test_proofsOfOtherIndexesSizesAndLengths() external {
        LoggedReceipt memory good = logged(WORKER_KEY, LOG, charge(channel, 50));
        Voucher memory voucher = voucherFor(channel, LOG, 100);
        LoggedReceipt memory bad = logged(WORKER_KEY, LOG, charge(channel, 50));
        bad.receipt.index = 5;
        refuse(bad, voucher);
        bad.receipt.index = 3;
        refuse(bad, voucher);
        (bad.receipt.index, bad.receipt.cumulativeFee) = (2, 51);
        refuse(bad, voucher);
        bad.receipt.cumulativeFee = 50;
        bad.path = loggedIn(WORKER_KEY, LOG, charge(channel, 50), 4).path;
        refuse(bad, voucher);
        bad.path = loggedIn(WORKER_KEY, LOG, charge(channel, 50), 9).path;
        refuse(bad, voucher);
        // The root of five under a head that says four, or two, signed all the same.
        bad.path = good.path;
        bad.head = signHead(WORKER_KEY, LOG, 4, good.head.root);
        refuse(bad, voucher);
        bad.head = signHead(WORKER_KEY, LOG, 2, good.head.root);
        refuse(bad, voucher);
        vm.assertEq(settlement.claim(good, voucher), 50);
    }

    function test_headsComeWithTheCallOrAreKept() external {
        LoggedReceipt memory charged = logged(WORKER_KEY, LOG, charge(channel, 50));
        Voucher memory voucher = voucherFor(channel, LOG, 100);
        bytes32 r = charged.head.r;
        charged.head.r = 0;
        vm.expectRevert(Heads.HeadNotSigned.selector);
        settlement.claim(charged, voucher);
        charged.head.r = r;
        settlement.postHead(charged.head);
        (charged.head.r, charged.head.s) = (0, 0);
        vm.assertEq(settlement.claim(charged, voucher), 50);
        // Another root for the same size is not taken here, signed or not.
        charged = logged(WORKER_KEY, LOG, charge(channel, 60));
        vm.expectRevert(Heads.HeadConflicts.selector);
        settlement.claim(charged, voucher);
    }

    function test_headsFromBeforeARevocationStayClaimable() external {
        LoggedReceipt memory kept = logged(WORKER_KEY, LOG, charge(channel, 50));
        settlement.postHead(kept.head);
        LoggedReceipt memory later = loggedIn(WORKER_KEY, LOG, charge(channel, 60), 6);
        registry.revoke(LOG);
        Voucher memory voucher = voucherFor(channel, LOG, 100);
        vm.expectRevert(Heads.LogRevoked.selector);
        settlement.claim(later, voucher);
        vm.warp(START + 365 days);
        vm.assertEq(settlement.claim(kept, voucher), 50);
    }

    function test_aHeadThatComesWithTheClaimIsNotTooLate() external {
        LoggedReceipt memory charged = logged(WORKER_KEY, LOG, charge(channel, 50));
        vm.warp(START + LIFETIME + 24 hours + 1);
        Voucher memory voucher = voucherFor(channel, LOG, 100);
        vm.expectRevert(Heads.HeadTooLate.selector);
        settlement.claim(charged, voucher);
        vm.warp(START + LIFETIME + 24 hours);
        vm.assertEq(settlement.claim(charged, voucher), 50);
    }

    function refuseReceipt(Receipt memory receipt, bytes4 why) private {
        LoggedReceipt memory charged = logged(WORKER_KEY, LOG, receipt);
        Voucher memory voucher = voucherFor(channel, LOG, 100);
        vm.expectRevert(why);
        settlement.claim(charged, voucher);
    }

    function refuse(LoggedReceipt memory bad, Voucher memory voucher) private {
        vm.expectRevert(Heads.ReceiptNotInHead.selector);
        settlement.claim(bad, voucher);
    }
}
