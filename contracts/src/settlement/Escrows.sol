// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { IProofmarkCallback } from "../consumer/IProofmarkCallback.sol";
import { Sha256 } from "../hash/Sha256.sol";
import { FLAG_DISCLOSE, Receipt, STATUS_OK } from "../log/Receipt.sol";
import { FORMAT_INTEGERS, OPERATION_INFER, RequestHeader, Requests, ResponseHeader } from "../log/Request.sol";
import { ITrustPolicy } from "../policy/ITrustPolicy.sol";
import { Answer, IResultVerifier } from "../results/IResultVerifier.sol";
import { BoundedCall } from "./BoundedCall.sol";
import { Funds } from "./Funds.sol";
import { Heads, LoggedReceipt } from "./Heads.sol";

/// What a requester asks for and pays.
struct Terms {
    bytes32 modelId;
    /// Whose answers are taken; zero where the result verifier needs no enclave.
    address policy;
    /// How an answer is checked beyond its receipt. There is no default: `AttestedResult` is the word for "no further".
    address resultVerifier;
    /// For an infer call of one unit, which is all that a contract can ask for.
    uint256 unitPrice;
    uint256 maxFee;
    /// In unix seconds, inclusive.
    uint256 deadline;
    /// Called with the answer; zero: nobody.
    address callback;
    uint256 callbackGas;
}

enum EscrowState {
    None,
    Open,
    Fulfilled,
    Refunded
}

struct Escrow {
    address requester;
    uint64 deadline;
    EscrowState state;
    /// As the result verifier said when the escrow was opened.
    bool needsReceipt;
    /// The callback has failed and may be tried again.
    bool undelivered;
    address policy;
    uint32 callbackGas;
    address resultVerifier;
    address callback;
    bytes32 modelId;
    bytes32 inputHash;
    uint128 unitPrice;
    uint128 maxFee;
    /// SHA-256(log || SHA-256(output)) once fulfilled.
    bytes32 answer;
}

/**
 * Requests that contracts make (DESIGN section 8). The id is made of the previous block's hash, so that no worker can
 * have answered before it was opened; it is the request's id, its salt and the only nullifier. Escrows pay by credit: no
 * receiver can stop another's payment.
 */
abstract contract Escrows is Funds, Heads {
    bytes32 private constant ESCROW_TAG = "proofmark escrow v1";

    /// For each question to a policy. The shipped ones read one worker of the registry.
    uint256 public constant POLICY_GAS = 500_000;
    /// For one question to a result verifier: proofs of small models cost up to a million, running one again up to eight.
    uint256 public constant RESULT_VERIFIER_GAS = 10_000_000;
    /// More could not be given within EIP-7825's 2^24 beside everything else.
    uint256 public constant MOST_CALLBACK_GAS = 5_000_000;

    mapping(bytes32 id => Escrow) private escrows;

    /// How many escrows an account has opened.
    mapping(address requester => uint256) public nonceOf;

    event EscrowOpened(
        bytes32 indexed escrow,
        address indexed requester,
        bytes32 indexed modelId,
        uint256 nonce,
        bool needsReceipt,
        Terms terms,
        bytes input
    );
    /// @param log zero where the result verifier needs no enclave
    event EscrowFulfilled(
        bytes32 indexed escrow, bytes32 indexed log, address indexed payee, uint256 fee, bytes output
    );
    event EscrowRefunded(bytes32 indexed escrow);
    event CallbackFailed(bytes32 indexed escrow);
    event CallbackDelivered(bytes32 indexed escrow);

    error TermsInvalid();
    error DeadlinePassed();
    error DeadlineNotPassed();
    error BlockHashUnknown();
    error ResultVerifierSilent();
    error EscrowNotOpen();
    error ReceiptNeeded();
    error ReceiptNotNeeded();
    error LogNotLive();
    error LogNotAccepted();
    error ExecutionNotAccepted();
    /// The receipt is not of this request, by its words or by its hash of them.
    error ReceiptOfOtherRequest();
    /// The output is not the one that the worker gave.
    error ReceiptOfOtherOutput();
    /// The worker says that it did not answer.
    error ReceiptNotOk();
    /// Not what the price makes of one unit.
    error ReceiptOfOtherFee();
    error ResultNotVerified();
    error NothingToDeliver();
    error AnswerUnknown();
    error CallbackReverted();

    function escrowOf(bytes32 id) external view returns (Escrow memory) {
        return escrows[id];
    }

    /// Whether this is the answer that fulfilled the escrow. `log` is zero where no enclave was needed.
    function isAnswer(bytes32 id, bytes calldata output, bytes32 log) public view returns (bool) {
        return
            escrows[id].state == EscrowState.Fulfilled && escrows[id].answer == answerHash(Sha256.digest(output), log);
    }

    /// Asks for an answer and puts `maxFee` aside for it. The input is public from here on.
    function openEscrow(Terms calldata terms, bytes calldata input) external nonReentrant returns (bytes32 id) {
        checkTerms(terms);
        bool needsReceipt = askNeedsReceipt(terms);
        collect(terms.maxFee);
        uint256 nonce = nonceOf[msg.sender]++;
        id = escrowId(nonce);
        store(escrows[id], terms);
        escrows[id].needsReceipt = needsReceipt;
        escrows[id].inputHash = Sha256.digest(input);
        emit EscrowOpened(id, msg.sender, terms.modelId, nonce, needsReceipt, terms, input);
    }

    /**
     * Settles by a receipt of a log that is live now and that the requester's policy accepts now. Pays the log's
     * operator, whoever calls, and calls back last, when everything is written and nothing is locked: the callback may
     * open the next escrow.
     */
    function fulfil(bytes32 id, bytes calldata output, LoggedReceipt calldata logged, bytes calldata proof) external {
        settleByReceipt(id, output, logged, proof);
        deliver(id, output, logged.head.log);
    }

    /// Settles by a result verifier that needs no enclave. `payee` is part of what it verifies; whether a copy of the
    /// call with another payee verifies as well is up to that verifier.
    function fulfilProven(bytes32 id, bytes calldata output, address payee, bytes calldata proof) external {
        settleProven(id, output, payee, proof);
        deliver(id, output, 0);
    }

    /// Gives the money back after the deadline, whoever calls.
    function refund(bytes32 id) external nonReentrant {
        Escrow storage escrow = escrows[id];
        if (escrow.state != EscrowState.Open) revert EscrowNotOpen();
        if (block.timestamp <= escrow.deadline) revert DeadlineNotPassed();
        escrow.state = EscrowState.Refunded;
        emit EscrowRefunded(id);
        addCredit(escrow.requester, escrow.maxFee);
    }

    /// Tries a callback that failed again, with as much gas as the caller gives. Reverts when it fails again.
    function retryCallback(bytes32 id, bytes calldata output, bytes32 log) external {
        Escrow storage escrow = escrows[id];
        if (!escrow.undelivered) revert NothingToDeliver();
        if (!isAnswer(id, output, log)) revert AnswerUnknown();
        // Before the call, so that it is not delivered twice from within.
        escrow.undelivered = false;
        bytes memory data = callbackData(id, escrow.modelId, output, log);
        if (!BoundedCall.tryCallWithAll(escrow.callback, data, escrow.callbackGas)) revert CallbackReverted();
        emit CallbackDelivered(id);
    }

    function settleByReceipt(bytes32 id, bytes calldata output, LoggedReceipt calldata logged, bytes calldata proof)
        private
        nonReentrant
    {
        Escrow storage escrow = open(id);
        if (!escrow.needsReceipt) revert ReceiptNotNeeded();
        bytes32 log = logged.head.log;
        if (!REGISTRY.isLive(log)) revert LogNotLive();
        bytes32 outputHash = Sha256.digest(output);
        checkReceipt(id, escrow, logged.receipt, outputHash);
        checkLogged(logged);
        askPolicy(escrow.policy, log, logged.receipt.execution);
        Answer memory answer = begun(id, escrow, output);
        answer.payee = REGISTRY.operatorOf(log);
        answer.log = log;
        answer.execution = logged.receipt.execution;
        answer.commitment = logged.receipt.commitment;
        askResultVerifier(escrow.resultVerifier, answer, proof);
        settle(escrow, answer, outputHash);
    }

    function settleProven(bytes32 id, bytes calldata output, address payee, bytes calldata proof) private nonReentrant {
        Escrow storage escrow = open(id);
        if (escrow.needsReceipt) revert ReceiptNeeded();
        if (payee == address(0)) revert ZeroAddress();
        Answer memory answer = begun(id, escrow, output);
        answer.payee = payee;
        askResultVerifier(escrow.resultVerifier, answer, proof);
        settle(escrow, answer, Sha256.digest(output));
    }

    function begun(bytes32 id, Escrow storage escrow, bytes calldata output)
        private
        view
        returns (Answer memory answer)
    {
        (answer.escrow, answer.modelId) = (id, escrow.modelId);
        (answer.inputHash, answer.output) = (escrow.inputHash, output);
    }

    function settle(Escrow storage escrow, Answer memory answer, bytes32 outputHash) private {
        escrow.state = EscrowState.Fulfilled;
        escrow.answer = answerHash(outputHash, answer.log);
        uint256 fee = feeOf(escrow);
        emit EscrowFulfilled(answer.escrow, answer.log, answer.payee, fee, answer.output);
        addCredit(answer.payee, fee);
        addCredit(escrow.requester, escrow.maxFee - fee);
    }

    /// A callback that fails changes nothing about the payment. It cannot be made to fail by giving too little gas.
    function deliver(bytes32 id, bytes calldata output, bytes32 log) private {
        Escrow storage escrow = escrows[id];
        if (escrow.callback == address(0)) return;
        bytes memory data = callbackData(id, escrow.modelId, output, log);
        if (BoundedCall.tryCall(escrow.callback, data, escrow.callbackGas)) {
            emit CallbackDelivered(id);
        } else {
            escrow.undelivered = true;
            emit CallbackFailed(id);
        }
    }

    function checkReceipt(bytes32 id, Escrow storage escrow, Receipt calldata receipt, bytes32 outputHash)
        private
        view
    {
        bytes32 requestHash = Requests.requestHash(headerOf(id, escrow), escrow.inputHash);
        // The hash covers the header that the worker was given; the words are what it understood. A receipt that a
        // channel pays never counts here, nor does one that any other request could have.
        if (
            receipt.requestId != id || receipt.channel != 0 || receipt.modelId != escrow.modelId
                || receipt.requestHash != requestHash || receipt.flags != FLAG_DISCLOSE
                || receipt.deadline != escrow.deadline
        ) revert ReceiptOfOtherRequest();
        if (receipt.status != STATUS_OK) revert ReceiptNotOk();
        if (receipt.fee != feeOf(escrow) || receipt.cumulativeFee != 0) revert ReceiptOfOtherFee();
        ResponseHeader memory response =
            ResponseHeader({ salt: id, status: STATUS_OK, format: FORMAT_INTEGERS, jsonLength: 0 });
        if (receipt.responseHash != Requests.responseHash(response, outputHash)) revert ReceiptOfOtherOutput();
    }

    /// DESIGN section 8: what every worker has to be asked for this escrow, so that the host has nothing to choose.
    function headerOf(bytes32 id, Escrow storage escrow) private view returns (RequestHeader memory) {
        return RequestHeader({
            requestId: id,
            modelId: escrow.modelId,
            operation: OPERATION_INFER,
            format: FORMAT_INTEGERS,
            jsonLength: 0,
            flags: FLAG_DISCLOSE,
            salt: id,
            channel: 0,
            unitPrice: escrow.unitPrice,
            maxFee: escrow.maxFee,
            deadline: escrow.deadline,
            seed: Sha256.digest(abi.encode(id))
        });
    }

    /// An infer call is one unit.
    function feeOf(Escrow storage escrow) private view returns (uint256) {
        return escrow.unitPrice < escrow.maxFee ? escrow.unitPrice : escrow.maxFee;
    }

    function askPolicy(address policy, bytes32 log, bytes32 execution) private view {
        bytes memory question = abi.encodeCall(ITrustPolicy.accepts, (log));
        if (!BoundedCall.isTrue(policy, question, POLICY_GAS)) revert LogNotAccepted();
        question = abi.encodeCall(ITrustPolicy.acceptsExecution, (execution));
        if (!BoundedCall.isTrue(policy, question, POLICY_GAS)) revert ExecutionNotAccepted();
    }

    function askResultVerifier(address verifier, Answer memory answer, bytes calldata proof) private view {
        bytes memory question = abi.encodeCall(IResultVerifier.verify, (answer, proof));
        if (!BoundedCall.isTrue(verifier, question, RESULT_VERIFIER_GAS)) revert ResultNotVerified();
    }

    function askNeedsReceipt(Terms calldata terms) private view returns (bool) {
        bytes memory question = abi.encodeCall(IResultVerifier.needsReceipt, ());
        (bool answered, uint256 word) = BoundedCall.read(terms.resultVerifier, question, POLICY_GAS);
        if (!answered || word > 1) revert ResultVerifierSilent();
        // A policy that is asked about nobody is a mistake, and so is none where somebody has to be accepted.
        if ((word == 1) != (terms.policy != address(0))) revert TermsInvalid();
        return word == 1;
    }

    function checkTerms(Terms calldata terms) private view {
        if (terms.deadline < block.timestamp) revert DeadlinePassed();
        bool fits = terms.deadline <= type(uint64).max && terms.unitPrice <= type(uint128).max
            && terms.maxFee <= type(uint128).max && terms.callbackGas <= MOST_CALLBACK_GAS;
        if (!fits || (terms.callback == address(0) && terms.callbackGas != 0)) revert TermsInvalid();
    }

    function store(Escrow storage escrow, Terms calldata terms) private {
        escrow.requester = msg.sender;
        escrow.deadline = uint64(terms.deadline);
        escrow.state = EscrowState.Open;
        escrow.policy = terms.policy;
        escrow.callbackGas = uint32(terms.callbackGas);
        escrow.resultVerifier = terms.resultVerifier;
        escrow.callback = terms.callback;
        escrow.modelId = terms.modelId;
        escrow.unitPrice = uint128(terms.unitPrice);
        escrow.maxFee = uint128(terms.maxFee);
    }

    function escrowId(uint256 nonce) private view returns (bytes32) {
        bytes32 previous = blockhash(block.number - 1);
        // Without it a worker could answer before it is asked.
        if (previous == 0) revert BlockHashUnknown();
        return Sha256.digest(abi.encode(ESCROW_TAG, block.chainid, address(this), msg.sender, nonce, previous));
    }

    function open(bytes32 id) private view returns (Escrow storage escrow) {
        escrow = escrows[id];
        if (escrow.state != EscrowState.Open) revert EscrowNotOpen();
        if (block.timestamp > escrow.deadline) revert DeadlinePassed();
    }

    function callbackData(bytes32 id, bytes32 modelId, bytes calldata output, bytes32 log)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(IProofmarkCallback.onProofmarkResult, (id, modelId, output, log));
    }

    function answerHash(bytes32 outputHash, bytes32 log) private view returns (bytes32) {
        return Sha256.digest(abi.encode(log, outputHash));
    }
}
