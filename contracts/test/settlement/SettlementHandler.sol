// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Receipt } from "../../src/log/Receipt.sol";
import { EscrowState, Terms } from "../../src/settlement/Escrows.sol";
import { LoggedReceipt } from "../../src/settlement/Heads.sol";
import { StubVerifier } from "./Policies.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

/**
 * Does anything that anybody can do, in any order, honest and not, and keeps books of its own. What must not succeed is
 * tried too: a call that does counts as a breach. Heads and vouchers are really signed. Attempts that come to nothing are
 * discarded, so that forge's table says how many did something: calls less discards.
 */
abstract contract SettlementHandler is SettlementFixture {
    uint256 private constant LOGS = 3;

    bytes32[] public channels;
    bytes32[] public escrows;
    // For the handlers' choice alone: what has a chance to come to something.
    bytes32[] private forReceipts;
    bytes32[] private forProofs;
    bytes32[] private closing;
    bytes32[] public logs;
    StubVerifier private prover;

    // What this contract saw happen.
    mapping(bytes32 channel => uint256) public locked;
    mapping(bytes32 channel => mapping(bytes32 log => uint256)) public vouched;
    mapping(bytes32 channel => mapping(bytes32 log => uint256)) public highest;
    mapping(bytes32 channel => uint256) public paidOut;
    mapping(bytes32 channel => bool) public ended;
    mapping(bytes32 escrow => uint256) public settled;
    mapping(bytes32 escrow => Terms) private asked;
    mapping(bytes32 id => bool) private seen;
    mapping(bytes32 log => bool) public tombstone;
    mapping(address => bool) private known;
    address[] public accounts;
    uint256 public donated;
    uint256 public breaches;
    uint256 private salts;
    uint256 private sizes = 5;

    constructor() {
        deploy();
        prover = StubVerifier(made("Policies.sol:StubVerifier", abi.encode(false)));
        prover.expect("output", address(0));
        for (uint256 i = 0; i < LOGS; i++) {
            addLog();
        }
        meet(payer);
        meet(requester);
        meet(operator);
        meet(stranger);
        openNewChannel(1);
        openNewEscrow(1);
        openNewProof(1);
    }

    // Anybody may try anything; each function says whether it did.

    function openNewChannel(uint256 amount) public {
        bytes32 id = openChannel(bytes32(salts++), bound(amount, 1, 2000));
        if (seen[id]) breaches++;
        seen[id] = true;
        channels.push(id);
        locked[id] = bound(amount, 1, 2000);
        fund(payer, 2000);
    }

    function topUp(uint256 which, uint256 amount) external {
        bytes32 id = channels[which % channels.length];
        amount = bound(amount, 1, 500);
        fund(payer, 500);
        vm.prank(payer);
        try settlement.topUp(id, amount) {
            locked[id] += amount;
            if (ended[id]) breaches++;
        } catch {
            vm.assume(false);
        }
    }

    function claimSome(uint256 which, uint256 of_, uint256 cumulative, uint256 most, bool keep) external {
        bytes32 id = channels[which % channels.length];
        uint256 key = of_ % 4 == 0 ? of_ % logs.length : logs.length - 1 - of_ % 3;
        bytes32 log = logs[key];
        cumulative = bound(cumulative, 0, 3000);
        most = bound(most, 0, 3000);
        LoggedReceipt memory charged = loggedIn(keyOf(key), log, charge(id, cumulative), sizes++);
        if (keep && !tombstone[log]) {
            try settlement.postHead(charged.head) { } catch { }
        }
        if (most > vouched[id][log]) vouched[id][log] = most;
        uint256 before = token.balanceOf(operator);
        try settlement.claim(charged, voucherFor(id, log, most)) returns (uint256 paid) {
            if (token.balanceOf(operator) - before != paid) breaches++;
            if (ended[id]) breaches++;
            paidOut[id] += paid;
            // An attempt that changed nothing is discarded, as those are that revert.
            vm.assume(token.balanceOf(operator) != before);
        } catch {
            vm.assume(false);
        }
        uint256 total = settlement.claimedOf(id, log);
        if (total < highest[id][log]) breaches++;
        highest[id][log] = total;
    }

    /// By a key that was never proven, for a log that was: nothing is ever paid.
    function claimForged(uint256 which, uint256 of_, uint256 cumulative) external {
        bytes32 id = channels[which % channels.length];
        bytes32 log = logs[of_ % logs.length];
        LoggedReceipt memory forged = loggedIn(0xbad, log, charge(id, bound(cumulative, 1, 3000)), sizes++);
        try settlement.claim(forged, voucherFor(id, log, 3000)) {
            breaches++;
        } catch { }
    }

    function startClose(uint256 which) external {
        bytes32 id = channels[which % channels.length];
        vm.prank(payer);
        try settlement.startClose(id) {
            closing.push(id);
        } catch {
            vm.assume(false);
        }
    }

    function finishClose(uint256 which) external {
        bool any = which % 4 == 0 || closing.length == 0;
        uint256 place = any ? 0 : which % closing.length;
        bytes32 id = any ? channels[which % channels.length] : closing[place];
        uint256 closesAt = settlement.channelOf(id).closesAt;
        uint256 before = token.balanceOf(payer);
        try settlement.finishClose(id) {
            if (closesAt == 0 || block.timestamp < closesAt) breaches++;
            if (paidOut[id] + token.balanceOf(payer) - before != locked[id]) breaches++;
            ended[id] = true;
            if (!any) {
                closing[place] = closing[closing.length - 1];
                closing.pop();
            }
        } catch {
            vm.assume(false);
        }
    }

    function openNewEscrow(uint256 price) public {
        openWith(price, address(policy), address(attested));
    }

    function openNewProof(uint256 price) public {
        openWith(price, address(0), address(prover));
    }

    /// By receipts of live and dead logs, of proven keys and others, in time and too late.
    function fulfilSome(uint256 which, uint256 of_, bool forged) external {
        bytes32 id = which % 4 == 0 ? escrows[which % escrows.length] : recent(forReceipts, which);
        uint256 key = of_ % 4 == 0 ? of_ % logs.length : logs.length - 1 - of_ % 3;
        bytes32 log = logs[key];
        forged = forged && of_ % 3 == 0;
        bool live = registry.isLive(log) && policy.accepts(log);
        LoggedReceipt memory answered =
            loggedIn(forged ? 0xbad : keyOf(key), log, answerTo(id, asked[id], "output"), sizes++);
        bool inTime = block.timestamp <= asked[id].deadline;
        try settlement.fulfil(id, "output", answered, "") {
            if (forged || !live || !inTime || !settlement.escrowOf(id).needsReceipt) breaches++;
            settled[id]++;
        } catch {
            vm.assume(false);
        }
    }

    function proveSome(uint256 which) external {
        bytes32 id = which % 4 == 0 ? escrows[which % escrows.length] : recent(forProofs, which);
        try settlement.fulfilProven(id, "output", stranger, "proof") {
            if (settlement.escrowOf(id).needsReceipt || block.timestamp > asked[id].deadline) breaches++;
            settled[id]++;
        } catch {
            vm.assume(false);
        }
    }

    function refundSome(uint256 which) external {
        bytes32 id = escrows[which % escrows.length];
        try settlement.refund(id) {
            if (block.timestamp <= asked[id].deadline) breaches++;
            settled[id]++;
        } catch {
            vm.assume(false);
        }
    }

    /// A channel's receipt to an escrow, an escrow's to a channel.
    function crossRoutes(uint256 which, uint256 of_) external {
        bytes32 id = channels[which % channels.length];
        bytes32 escrow = escrows[of_ % escrows.length];
        Receipt memory receipt = answerTo(escrow, asked[escrow], "output");
        LoggedReceipt memory free = loggedIn(keyOf(0), logs[0], receipt, sizes++);
        try settlement.claim(free, voucherFor(id, logs[0], 3000)) {
            breaches++;
        } catch { }
        receipt.channel = id;
        LoggedReceipt memory charged = loggedIn(keyOf(0), logs[0], receipt, sizes++);
        try settlement.fulfil(escrow, "output", charged, "") {
            breaches++;
        } catch { }
    }

    function deposit(uint256 who, uint256 amount) external {
        amount = bound(amount, 0, 300);
        fund(stranger, amount);
        vm.prank(stranger);
        settlement.deposit(accounts[who % accounts.length], amount);
    }

    function withdraw(uint256 who, uint256 amount) external {
        address account = accounts[who % accounts.length];
        uint256 credit = settlement.creditOf(account);
        amount = bound(amount, 0, credit);
        vm.prank(account);
        settlement.withdraw(account, amount);
        vm.prank(account);
        try settlement.withdraw(account, credit - amount + 1) {
            breaches++;
        } catch { }
    }

    /// Tokens that somebody sends without a word are nobody's.
    function donate(uint256 amount) external {
        amount = bound(amount, 0, 10);
        token.mint(address(settlement), amount);
        donated += amount;
    }

    function pass(uint256 time) external {
        // Mostly minutes, within which escrows are answered; sometimes a day, after which channels end and logs expire.
        vm.warp(block.timestamp + bound(time, 1, 20 minutes) + (time % 8 == 0 ? 1 days : 0));
        vm.roll(block.number + 1);
    }

    /// Two heads of one size, both signed: the log is dead for ever, and a new worker begins.
    function equivocate(uint256 of_) external {
        uint256 key = of_ % logs.length;
        bytes32 log = logs[key];
        uint256 size = sizes++;
        try settlement.postHead(signHead(keyOf(key), log, size, "one")) {
            bool kept = settlement.postHead(signHead(keyOf(key), log, size, "other"));
            if (kept || registry.isLive(log)) breaches++;
            tombstone[log] = true;
            addLog();
        } catch {
            vm.assume(false);
        }
    }

    function renew() external {
        addLog();
    }

    function channelCount() external view returns (uint256) {
        return channels.length;
    }

    function escrowCount() external view returns (uint256) {
        return escrows.length;
    }

    function logCount() external view returns (uint256) {
        return logs.length;
    }

    function accountCount() external view returns (uint256) {
        return accounts.length;
    }

    function parts() external view returns (address, address, address) {
        return (address(settlement), address(token), address(registry));
    }

    function openWith(uint256 price, address named, address verifier) private {
        Terms memory wanted = terms();
        (wanted.policy, wanted.resultVerifier) = (named, verifier);
        wanted.unitPrice = bound(price, 0, 150);
        fund(requester, 100);
        bytes32 id = openEscrow(wanted);
        if (seen[id]) breaches++;
        seen[id] = true;
        escrows.push(id);
        if (named == address(0)) forProofs.push(id);
        else forReceipts.push(id);
        asked[id] = wanted;
    }

    function addLog() private {
        bytes32 log = registerNext(logs.length);
        policy.set(log, true);
        logs.push(log);
    }

    function meet(address account) private {
        if (known[account]) return;
        known[account] = true;
        accounts.push(account);
    }

    function recent(bytes32[] storage list, uint256 which) private view returns (bytes32) {
        uint256 span = list.length < 3 ? list.length : 3;
        return list[list.length - 1 - which % span];
    }

    /// A worker of the operator, and the key of its heads.
    function registerNext(uint256 which) internal virtual returns (bytes32 log);
    function keyOf(uint256 which) internal view virtual returns (uint256);
}
