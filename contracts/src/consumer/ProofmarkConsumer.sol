// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Escrow, EscrowState, Terms } from "../settlement/Escrows.sol";
import { Settlement } from "../settlement/Settlement.sol";
import { IProofmarkCallback } from "./IProofmarkCallback.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// What a consumer wants, and from whom it takes it.
struct Ask {
    bytes32 modelId;
    /// Whose answers are taken; zero where the result verifier needs no enclave.
    address policy;
    address resultVerifier;
    uint256 unitPrice;
    uint256 maxFee;
    /// How long the settlement waits for an answer before it gives the fee back.
    uint256 lifetimeSeconds;
    /// What the settlement gives to the callback: `_onResult` and about 60,000 for the checks before it.
    uint256 callbackGas;
    /// After how many blocks, and after how many seconds, an answer is too old to be used. Both are asked; `NO_LIMIT` is
    /// the word for none. Block numbers are those of the chain's own `block.number`, which on some rollups is that of
    /// their parent chain.
    uint256 maxAgeBlocks;
    uint256 maxAgeSeconds;
}

uint256 constant NO_LIMIT = type(uint256).max;

enum RequestState {
    /// Not one of this contract's.
    Unknown,
    Pending,
    Answered,
    Abandoned
}

/// What is remembered of a request until it is answered.
struct PendingRequest {
    RequestState state;
    uint48 openedAt;
    uint48 openedBlock;
    uint48 lastTime;
    uint48 lastBlock;
    bytes32 modelId;
    address policy;
    address resultVerifier;
}

/**
 * What an integrator inherits to take answers safely (DESIGN section 8). `_request` opens an escrow over an input that this
 * contract has; the settlement pays whoever proves an answer to it, and calls back. Nothing reaches `_onResult` that is not
 * from that settlement, for a request of this contract that still waits, of the model, policy and result verifier that it
 * was opened with, and young enough. A request is answered at most once; it is written down as answered before the hook
 * runs, so that the hook may open the next one and re-entering finds nothing to answer.
 *
 * A callback that reverts loses nothing: the answer stays in the settlement and `retryCallback` is open to everybody, until
 * it is too old. `abandon` closes what can never be answered any more.
 *
 * INTEGRATOR RESPONSIBILITIES. Not checked here:
 * - what the numbers mean. Read them with `TensorLib`, with the decimals and shape that the release states, within bounds
 *   beyond which the contract must not act; a proven answer of a bad model is a bad answer.
 * - who may open requests, how often, and over which input. Build the input from what this contract knows itself; what a
 *   caller passes in, a caller has chosen.
 * - that the policy is one whose owner you trust to accept images, and that its execution classes give one answer: where
 *   they do not, whoever runs the worker chooses among them, and can always choose not to answer.
 * - the order of answers. Two pending requests may be answered in either order.
 * - when the answer comes. Whoever sends it chooses the block within the age limit, and what else is in it.
 * - the payment token. This contract must hold what `maxFee` lacks in credit; what is given back is credit, used by the next
 *   request or taken out by `_withdrawCredit`.
 * - the gas of `_onResult`, which is spent out of `callbackGas`.
 */
abstract contract ProofmarkConsumer is IProofmarkCallback {
    using SafeERC20 for IERC20;

    Settlement public immutable SETTLEMENT;
    IERC20 public immutable PAYMENT_TOKEN;

    mapping(bytes32 escrow => PendingRequest) private requests;

    event RequestOpened(
        bytes32 indexed escrow,
        bytes32 indexed modelId,
        address policy,
        address resultVerifier,
        uint48 lastTime,
        uint48 lastBlock
    );
    event RequestAnswered(bytes32 indexed escrow, bytes32 indexed log);
    event RequestAbandoned(bytes32 indexed escrow);

    error NotTheSettlement(address sender);
    /// Somebody else's escrow, or one that was answered or abandoned.
    error NotPending(bytes32 escrow);
    error AnswerTooOld(bytes32 escrow);
    error AnswerOfOtherModel(bytes32 modelId);
    error AnswerUnderOtherTerms(bytes32 escrow);
    /// It can still be answered.
    error NotStuck(bytes32 escrow);
    error AskInvalid();

    constructor(Settlement settlement) {
        SETTLEMENT = settlement;
        PAYMENT_TOKEN = settlement.TOKEN();
    }

    /// @inheritdoc IProofmarkCallback
    function onProofmarkResult(bytes32 escrow, bytes32 modelId, bytes calldata output, bytes32 log) external {
        if (msg.sender != address(SETTLEMENT)) revert NotTheSettlement(msg.sender);
        PendingRequest memory request = requests[escrow];
        if (request.state != RequestState.Pending) revert NotPending(escrow);
        if (isTooOld(request)) revert AnswerTooOld(escrow);
        if (modelId != request.modelId) revert AnswerOfOtherModel(modelId);
        // The settlement checked the answer under what it keeps; that this is what was asked for does not rest on its word.
        Escrow memory kept = SETTLEMENT.escrowOf(escrow);
        bool asAsked = kept.policy == request.policy && kept.resultVerifier == request.resultVerifier
            && kept.modelId == modelId && kept.requester == address(this);
        if (!asAsked) revert AnswerUnderOtherTerms(escrow);
        requests[escrow].state = RequestState.Answered;
        emit RequestAnswered(escrow, log);
        _onResult(escrow, output, log);
    }

    /// Closes a request that can never be answered any more, and has its fee given back where it was not paid. Open to
    /// everybody: nobody has a choice in it.
    function abandon(bytes32 escrow) external {
        PendingRequest memory request = requests[escrow];
        if (request.state != RequestState.Pending) revert NotPending(escrow);
        Escrow memory kept = SETTLEMENT.escrowOf(escrow);
        bool overdue = kept.state == EscrowState.Open && block.timestamp > kept.deadline;
        bool undeliverable = kept.state == EscrowState.Fulfilled && isTooOld(request);
        if (!overdue && !undeliverable && kept.state != EscrowState.Refunded) revert NotStuck(escrow);
        requests[escrow].state = RequestState.Abandoned;
        emit RequestAbandoned(escrow);
        if (overdue) SETTLEMENT.refund(escrow);
        _onAbandoned(escrow);
    }

    function requestOf(bytes32 escrow) public view returns (PendingRequest memory) {
        return requests[escrow];
    }

    /// What the contract does with an answer. Reverts to refuse it; it can then be tried again while it is young enough.
    function _onResult(bytes32 escrow, bytes calldata output, bytes32 log) internal virtual;

    /// What the contract does when a request will have no answer.
    function _onAbandoned(bytes32 escrow) internal virtual { }

    /// Opens an escrow over `input`, a body of format 2. Takes the fee from this contract's credit with the settlement, and
    /// the rest from its tokens.
    function _request(Ask memory ask, bytes memory input) internal returns (bytes32 escrow) {
        if (ask.maxAgeBlocks == 0 || ask.maxAgeSeconds == 0 || ask.callbackGas == 0) revert AskInvalid();
        PendingRequest memory request = PendingRequest({
            state: RequestState.Pending,
            openedAt: uint48(block.timestamp),
            openedBlock: uint48(block.number),
            lastTime: last(block.timestamp, ask.maxAgeSeconds),
            lastBlock: last(block.number, ask.maxAgeBlocks),
            modelId: ask.modelId,
            policy: ask.policy,
            resultVerifier: ask.resultVerifier
        });
        uint256 credit = SETTLEMENT.creditOf(address(this));
        if (credit < ask.maxFee) PAYMENT_TOKEN.forceApprove(address(SETTLEMENT), ask.maxFee - credit);
        // Nobody can answer before this returns: the settlement is locked until then.
        escrow = SETTLEMENT.openEscrow(termsOf(ask), input);
        requests[escrow] = request;
        emit RequestOpened(escrow, ask.modelId, ask.policy, ask.resultVerifier, request.lastTime, request.lastBlock);
    }

    function _withdrawCredit(address to, uint256 amount) internal {
        SETTLEMENT.withdraw(to, amount);
    }

    function termsOf(Ask memory ask) private view returns (Terms memory) {
        return Terms({
            modelId: ask.modelId,
            policy: ask.policy,
            resultVerifier: ask.resultVerifier,
            unitPrice: ask.unitPrice,
            maxFee: ask.maxFee,
            deadline: block.timestamp + ask.lifetimeSeconds,
            callback: address(this),
            callbackGas: ask.callbackGas
        });
    }

    function isTooOld(PendingRequest memory request) private view returns (bool) {
        return block.number > request.lastBlock || block.timestamp > request.lastTime;
    }

    /// The last that counts; `type(uint48).max` where there is no limit.
    function last(uint256 start, uint256 age) private pure returns (uint48) {
        if (age >= type(uint48).max - start) return type(uint48).max;
        return uint48(start + age);
    }
}
