// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SignedHead } from "../../src/log/TreeHead.sol";
import { Heads } from "../../src/settlement/Heads.sol";
import { Settlement } from "../../src/settlement/Settlement.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

contract HeadsTest is SettlementFixture {
    bytes32 private constant ROOT = keccak256("root");

    function setUp() external {
        deploy();
    }

    function test_keepsAHeadWhoeverBringsIt() external {
        SignedHead memory head = signHead(WORKER_KEY, LOG, 5, ROOT);
        vm.prank(stranger);
        vm.assertTrue(settlement.postHead(head));
        vm.assertEq(settlement.rootOf(LOG, 5), ROOT);
        vm.assertEq(settlement.rootOf(LOG, 4), 0);
        // Again, with or without a signature: nothing changes.
        head.r = 0;
        vm.assertTrue(settlement.postHead(head));
    }

    function testFuzz_takesOnlyWhatTheKeySigned(uint8 place, uint8 bit) external {
        SignedHead memory head = signHead(WORKER_KEY, LOG, 5, ROOT);
        bytes32 flip = bytes32(uint256(1) << bit);
        place %= 4;
        if (place == 0) head.size ^= uint256(flip);
        if (place == 1) head.root ^= flip;
        if (place == 2) head.r ^= flip;
        if (place == 3) head.s ^= flip;
        vm.expectRevert(Heads.HeadNotSigned.selector);
        settlement.postHead(head);
    }

    function test_refusesTheOtherS() external {
        SignedHead memory head = signHead(WORKER_KEY, LOG, 5, ROOT);
        head.s = bytes32(N - uint256(head.s));
        vm.expectRevert(Heads.HeadNotSigned.selector);
        settlement.postHead(head);
    }

    function test_refusesSizesThatNoLogHasAndRootsThatNoTreeHas() external {
        SignedHead memory head = signHead(WORKER_KEY, LOG, 1 << 48, ROOT);
        vm.expectRevert(Heads.HeadNotSigned.selector);
        settlement.postHead(head);
        head = signHead(WORKER_KEY, LOG, 5, 0);
        vm.expectRevert(Heads.RootIsZero.selector);
        settlement.postHead(head);
    }

    function test_refusesUnknownLogsAndThoseOfAnotherSettlement() external {
        SignedHead memory head = signHead(WORKER_KEY, "other log", 5, ROOT);
        vm.expectRevert(Heads.LogUnknown.selector);
        settlement.postHead(head);
        (uint256 x, uint256 y) = vm.publicKeyP256(WORKER_KEY);
        registry.put("other log", stranger, uint48(block.timestamp + 1), bytes32(x), bytes32(y), operator);
        vm.expectRevert(Heads.LogOfOtherSettlement.selector);
        settlement.postHead(head);
    }

    function test_aHeadOfAnotherChainOrSettlementIsNoneHere() external {
        SignedHead memory head = signHead(WORKER_KEY, LOG, 5, ROOT);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(Heads.HeadNotSigned.selector);
        settlement.postHead(head);
        vm.chainId(block.chainid - 1);

        // The log names the first settlement: not even a registry that says otherwise makes its head count.
        Settlement other = settle(address(token), address(registry), CLOSE_DELAY);
        vm.expectRevert(Heads.LogOfOtherSettlement.selector);
        other.postHead(head);
        (uint256 x, uint256 y) = vm.publicKeyP256(WORKER_KEY);
        registry.put(LOG, address(other), uint48(block.timestamp + 1), bytes32(x), bytes32(y), operator);
        vm.expectRevert(Heads.HeadNotSigned.selector);
        other.postHead(head);
    }

    function test_isAcceptedUntilADayAfterTheLogsExpiry() external {
        vm.warp(START + LIFETIME + 24 hours);
        vm.assertTrue(settlement.postHead(signHead(WORKER_KEY, LOG, 5, ROOT)));
        vm.warp(START + LIFETIME + 24 hours + 1);
        SignedHead memory late = signHead(WORKER_KEY, LOG, 6, ROOT);
        vm.expectRevert(Heads.HeadTooLate.selector);
        settlement.postHead(late);
    }

    function test_noneIsAcceptedAfterRevocation() external {
        registry.revoke(LOG);
        SignedHead memory head = signHead(WORKER_KEY, LOG, 5, ROOT);
        vm.expectRevert(Heads.LogRevoked.selector);
        settlement.postHead(head);
    }

    function test_aSecondRootForOneSizeRevokesTheLogForGood() external {
        settlement.postHead(signHead(WORKER_KEY, LOG, 5, ROOT));
        SignedHead memory second = signHead(WORKER_KEY, LOG, 5, keccak256("another root"));
        vm.prank(stranger);
        vm.assertFalse(settlement.postHead(second));
        vm.assertEq(registry.workerOf(LOG).revokedAt, START);
        vm.assertFalse(registry.isLive(LOG));
        vm.assertEq(settlement.rootOf(LOG, 5), ROOT);
        vm.expectRevert(Heads.LogRevoked.selector);
        settlement.postHead(second);
        // What is kept stays kept.
        vm.assertTrue(settlement.postHead(signHead(WORKER_KEY, LOG, 5, ROOT)));
    }

    /// Evidence does not grow old: the key is found out long after its day of grace.
    function test_aSecondRootCountsLongAfterExpiry() external {
        settlement.postHead(signHead(WORKER_KEY, LOG, 5, ROOT));
        vm.warp(START + 3650 days);
        vm.assertFalse(settlement.postHead(signHead(WORKER_KEY, LOG, 5, keccak256("another root"))));
        vm.assertEq(registry.workerOf(LOG).revokedAt, START + 3650 days);
    }

    function test_aSecondRootThatTheKeyDidNotSignRevokesNothing() external {
        settlement.postHead(signHead(WORKER_KEY, LOG, 5, ROOT));
        SignedHead memory forged = signHead(WORKER_KEY + 1, LOG, 5, keccak256("another root"));
        vm.expectRevert(Heads.HeadNotSigned.selector);
        settlement.postHead(forged);
        vm.assertTrue(registry.isLive(LOG));
    }
}
