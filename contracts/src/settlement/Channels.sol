// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Sha256 } from "../hash/Sha256.sol";
import { Receipt, STATUS_CANCELLED } from "../log/Receipt.sol";
import { P256 } from "../p256/P256.sol";
import { Funds } from "./Funds.sol";
import { Heads, LoggedReceipt } from "./Heads.sol";

struct Channel {
    address payer;
    /// The operator of every log that is paid from here.
    address payee;
    /// The key that signs vouchers and opens sessions with workers.
    bytes32 sessionX;
    bytes32 sessionY;
    /// What is locked and not yet paid.
    uint128 balance;
    /// From when on nothing is claimed any more; zero while the payer has not begun to close.
    uint48 closesAt;
}

/// The session key's word on how much one log may claim in all.
struct Voucher {
    bytes32 channel;
    uint256 maxCumulative;
    bytes32 r;
    bytes32 s;
}

/**
 * Payment for any number of calls from a lock (DESIGN section 8). The payer's key is asked for vouchers only; what is
 * owed within them is told by receipts. No policy is asked: naming a log in a voucher was the payer's acceptance of it.
 * A thief of a worker's key gets what vouchers for its log leave open, and no more; so does a worker that lies.
 */
abstract contract Channels is Funds, Heads {
    bytes32 private constant CHANNEL_TAG = "proofmark channel v1";
    bytes32 private constant VOUCHER_TAG = "proofmark voucher v1";

    /// From the payer's wish to close until the end, in seconds.
    uint256 public immutable CLOSE_DELAY;

    mapping(bytes32 id => Channel) private channels;
    mapping(bytes32 id => mapping(bytes32 log => uint256)) private claimed;

    event ChannelOpened(
        bytes32 indexed channel,
        address indexed payer,
        address indexed payee,
        bytes32 sessionX,
        bytes32 sessionY,
        bytes32 salt,
        uint256 amount
    );
    event ChannelToppedUp(bytes32 indexed channel, address indexed from, uint256 amount);
    event ChannelClosing(bytes32 indexed channel, uint256 closesAt);
    event ChannelClosed(bytes32 indexed channel, uint256 returned);
    event Claimed(bytes32 indexed channel, bytes32 indexed log, uint256 amount, uint256 claimedByLog);

    error CloseDelayOutOfRange();
    error ChannelExists();
    error ChannelUnknown();
    error ChannelIsClosing();
    error ChannelNotEnded();
    error ChannelEnded();
    error NotPayer();
    error SessionKeyInvalid();
    error ReceiptOfOtherChannel();
    /// A fee for something that does not charge, or more for one call than for all.
    error ReceiptContradictsItself();
    error VoucherNotSigned();
    error OperatorIsNotPayee();

    constructor(uint256 closeDelay) {
        // Time enough to see it and to claim; not so much that money is locked up by a typing error.
        if (closeDelay < 15 minutes || closeDelay > 30 days) revert CloseDelayOutOfRange();
        CLOSE_DELAY = closeDelay;
    }

    function channelOf(bytes32 id) external view returns (Channel memory) {
        return channels[id];
    }

    /// What the log has been paid from the channel so far.
    function claimedOf(bytes32 id, bytes32 log) external view returns (uint256) {
        return claimed[id][log];
    }

    function channelId(address payer, address payee, bytes32 sessionX, bytes32 sessionY, bytes32 salt)
        public
        view
        returns (bytes32)
    {
        return Sha256.digest(
            abi.encode(CHANNEL_TAG, block.chainid, address(this), payer, payee, sessionX, sessionY, salt)
        );
    }

    /// Locks the caller's tokens. An id is opened once: a closed channel never comes back, nor do its vouchers.
    function openChannel(address payee, bytes32 sessionX, bytes32 sessionY, bytes32 salt, uint256 amount)
        external
        nonReentrant
        returns (bytes32 id)
    {
        if (payee == address(0)) revert ZeroAddress();
        if (!P256.isValidPublicKey(sessionX, sessionY)) revert SessionKeyInvalid();
        id = channelId(msg.sender, payee, sessionX, sessionY, salt);
        Channel storage channel = channels[id];
        if (channel.payer != address(0)) revert ChannelExists();
        uint128 balance = lockable(amount);
        collect(amount);
        channel.payer = msg.sender;
        channel.payee = payee;
        channel.sessionX = sessionX;
        channel.sessionY = sessionY;
        channel.balance = balance;
        emit ChannelOpened(id, msg.sender, payee, sessionX, sessionY, salt, amount);
    }

    /// Adds the caller's tokens to anybody's channel. What is left of them in the end is the payer's.
    function topUp(bytes32 id, uint256 amount) external nonReentrant {
        Channel storage channel = known(id);
        if (channel.closesAt != 0) revert ChannelIsClosing();
        uint128 balance = lockable(uint256(channel.balance) + amount);
        if (amount == 0) revert AmountOutOfRange();
        collect(amount);
        channel.balance = balance;
        emit ChannelToppedUp(id, msg.sender, amount);
    }

    function startClose(bytes32 id) external {
        Channel storage channel = known(id);
        if (msg.sender != channel.payer) revert NotPayer();
        if (channel.closesAt != 0) revert ChannelIsClosing();
        channel.closesAt = uint48(block.timestamp + CLOSE_DELAY);
        emit ChannelClosing(id, channel.closesAt);
    }

    /// Returns what is left to the payer, whoever calls. Nothing can be added afterwards, so this happens once.
    function finishClose(bytes32 id) external nonReentrant {
        Channel storage channel = known(id);
        if (!hasEnded(channel)) revert ChannelNotEnded();
        uint256 returned = channel.balance;
        if (returned == 0) revert ChannelEnded();
        channel.balance = 0;
        emit ChannelClosed(id, returned);
        pay(channel.payer, returned);
    }

    /**
     * Pays the payee what the receipt says that the channel owes in this log, within the voucher, less what it was paid
     * before, and never more than there is; whoever calls. A receipt that adds nothing pays nothing, so that nobody can
     * stop a batch of claims by being faster with one of them.
     *
     * Receipts of every status count. Those after the second do not charge, and say what was owed before them.
     */
    function claim(LoggedReceipt calldata logged, Voucher calldata voucher)
        external
        nonReentrant
        returns (uint256 paid)
    {
        bytes32 log = logged.head.log;
        Channel storage channel = known(voucher.channel);
        if (hasEnded(channel)) revert ChannelEnded();
        checkCharge(logged.receipt, voucher.channel);
        checkLogged(logged);
        checkVoucher(voucher, log, channel);
        if (REGISTRY.operatorOf(log) != channel.payee) revert OperatorIsNotPayee();

        uint256 owed = logged.receipt.cumulativeFee;
        if (owed > voucher.maxCumulative) owed = voucher.maxCumulative;
        uint256 before = claimed[voucher.channel][log];
        if (owed <= before) return 0;
        paid = owed - before;
        if (paid > channel.balance) paid = channel.balance;
        if (paid == 0) return 0;
        // Not above the balance, which has 128 bits.
        channel.balance -= uint128(paid);
        claimed[voucher.channel][log] = before + paid;
        emit Claimed(voucher.channel, log, paid, before + paid);
        pay(channel.payee, paid);
    }

    function checkCharge(Receipt calldata receipt, bytes32 id) private pure {
        // No id is zero, so this also keeps receipts of escrows out.
        if (receipt.channel != id) revert ReceiptOfOtherChannel();
        bool charges = receipt.status <= STATUS_CANCELLED;
        if ((!charges && receipt.fee != 0) || receipt.fee > receipt.cumulativeFee) revert ReceiptContradictsItself();
    }

    function checkVoucher(Voucher calldata voucher, bytes32 log, Channel storage channel) private view {
        bytes32 digest = Sha256.digest(
            abi.encode(VOUCHER_TAG, block.chainid, address(this), voucher.channel, log, voucher.maxCumulative)
        );
        if (
            voucher.maxCumulative > type(uint128).max
                || !isSigned(digest, voucher.r, voucher.s, channel.sessionX, channel.sessionY)
        ) revert VoucherNotSigned();
    }

    function hasEnded(Channel storage channel) private view returns (bool) {
        return channel.closesAt != 0 && block.timestamp >= channel.closesAt;
    }

    function known(bytes32 id) private view returns (Channel storage channel) {
        channel = channels[id];
        // The payee, which a claim reads anyway.
        if (channel.payee == address(0)) revert ChannelUnknown();
    }

    function lockable(uint256 amount) private pure returns (uint128) {
        if (amount == 0 || amount > type(uint128).max) revert AmountOutOfRange();
        return uint128(amount);
    }
}
