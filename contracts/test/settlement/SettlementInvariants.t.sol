// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { IWorkerRegistry } from "../../src/registry/IWorkerRegistry.sol";
import { Channel } from "../../src/settlement/Channels.sol";
import { Escrow, EscrowState } from "../../src/settlement/Escrows.sol";
import { Settlement } from "../../src/settlement/Settlement.sol";
import { Test } from "../support/Test.sol";
import { RealSettlementHandler } from "./RealSettlementHandler.sol";
import { TestToken } from "./TestTokens.sol";

/// What holds after any sequence of what anybody can do, beginning with a worker that is registered by evidence.
contract SettlementInvariants is Test {
    RealSettlementHandler private handler;
    Settlement private settlement;
    TestToken private token;
    IWorkerRegistry private registry;

    function setUp() external {
        bytes memory code = vm.getCode("RealSettlementHandler.sol:RealSettlementHandler");
        RealSettlementHandler made;
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        handler = made;
        (address s, address t, address r) = handler.parts();
        (settlement, token, registry) = (Settlement(s), TestToken(t), IWorkerRegistry(r));
    }

    /// forge's way to say who is called.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// After each call: one campaign for all, because six would do the same work six times.
    function invariant_settlementKeepsItsBooks() external view {
        everyTokenIsSomebodys();
        nothingForbiddenHappened();
    }

    /// At the end of each run: what was wrong in between would still be, since none of it ever goes back.
    function afterInvariant() external view {
        channelsPayWhatWasLocked();
        claimsStayWithinVouchersAndNeverFall();
        escrowsSettleOnce();
        tombstonesAreFinal();
    }

    /// Credits, channels and open escrows are what the token says, and what was given without a word.
    function everyTokenIsSomebodys() private view {
        uint256 sum = handler.donated();
        for (uint256 i = 0; i < handler.accountCount(); i++) {
            sum += settlement.creditOf(handler.accounts(i));
        }
        for (uint256 i = 0; i < handler.channelCount(); i++) {
            sum += settlement.channelOf(handler.channels(i)).balance;
        }
        for (uint256 i = 0; i < handler.escrowCount(); i++) {
            Escrow memory escrow = settlement.escrowOf(handler.escrows(i));
            if (escrow.state == EscrowState.Open) sum += escrow.maxFee;
        }
        vm.assertEq(token.balanceOf(address(settlement)), sum);
    }

    /// One lock: what was paid and what is left; nothing more, and nothing after the end.
    function channelsPayWhatWasLocked() private view {
        for (uint256 i = 0; i < handler.channelCount(); i++) {
            bytes32 id = handler.channels(i);
            Channel memory channel = settlement.channelOf(id);
            uint256 claimed = claimedOf(id);
            vm.assertEq(claimed, handler.paidOut(id));
            if (handler.ended(id)) {
                vm.assertEq(channel.balance, 0);
                vm.assertLe(claimed, handler.locked(id));
            } else {
                vm.assertEq(claimed + channel.balance, handler.locked(id));
            }
        }
    }

    /// No log is paid beyond the highest voucher that its session key signed, nor less than before.
    function claimsStayWithinVouchersAndNeverFall() private view {
        for (uint256 i = 0; i < handler.channelCount(); i++) {
            bytes32 id = handler.channels(i);
            for (uint256 j = 0; j < handler.logCount(); j++) {
                bytes32 log = handler.logs(j);
                uint256 claimed = settlement.claimedOf(id, log);
                vm.assertLe(claimed, handler.vouched(id, log));
                vm.assertEq(claimed, handler.highest(id, log));
            }
        }
    }

    /// Fulfilled, proven or refunded: one of them, once.
    function escrowsSettleOnce() private view {
        for (uint256 i = 0; i < handler.escrowCount(); i++) {
            bytes32 id = handler.escrows(i);
            EscrowState state = settlement.escrowOf(id).state;
            vm.assertTrue(state != EscrowState.None);
            vm.assertEq(handler.settled(id), state == EscrowState.Open ? 0 : 1);
        }
    }

    function tombstonesAreFinal() private view {
        for (uint256 i = 0; i < handler.logCount(); i++) {
            bytes32 log = handler.logs(i);
            if (handler.tombstone(log)) vm.assertFalse(registry.isLive(log));
        }
    }

    /// Payments by keys that nobody proved, too early or too late refunds, ids that came back: the handler counts them.
    function nothingForbiddenHappened() private view {
        vm.assertEq(handler.breaches(), 0);
    }

    function claimedOf(bytes32 id) private view returns (uint256 sum) {
        for (uint256 i = 0; i < handler.logCount(); i++) {
            sum += settlement.claimedOf(id, handler.logs(i));
        }
    }
}
