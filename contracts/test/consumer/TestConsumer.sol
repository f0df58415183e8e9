// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Ask, ProofmarkConsumer } from "../../src/consumer/ProofmarkConsumer.sol";
import { IntegerTensor, TensorLib } from "../../src/consumer/TensorLib.sol";
import { Escrow, Terms } from "../../src/settlement/Escrows.sol";
import { Settlement } from "../../src/settlement/Settlement.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// A consumer that keeps what it was answered, and does in its hook what a test tells it.
contract TestConsumer is ProofmarkConsumer {
    uint256 public answers;
    bytes32 public lastEscrow;
    bytes public lastOutput;
    bytes32 public lastLog;
    uint256 public abandoned;
    bool public refusing;
    address private target;
    bytes private call;
    bool public callSucceeded;
    Ask private followUp;
    bytes32 public followUpEscrow;

    error Refused();

    constructor(Settlement settlement) ProofmarkConsumer(settlement) { }

    function request(Ask memory ask, bytes memory input) external returns (bytes32) {
        return _request(ask, input);
    }

    function refuse(bool to) external {
        refusing = to;
    }

    function inHook(address to, bytes calldata data) external {
        (target, call) = (to, data);
    }

    function askNext(Ask calldata ask) external {
        followUp = ask;
    }

    function takeOut(address to, uint256 amount) external {
        _withdrawCredit(to, amount);
    }

    function _onResult(bytes32 escrow, bytes calldata output, bytes32 log) internal override {
        if (refusing) revert Refused();
        answers++;
        (lastEscrow, lastOutput, lastLog) = (escrow, output, log);
        if (target != address(0)) (callSucceeded,) = target.call(call);
        if (followUp.modelId != 0) followUpEscrow = _request(followUp, "next");
    }

    function _onAbandoned(bytes32) internal override {
        abandoned++;
    }
}

/// A settlement that answers under other terms than it was asked for.
contract LyingSettlement {
    IERC20 public TOKEN;
    Escrow private kept;

    constructor(IERC20 token) {
        TOKEN = token;
    }

    function creditOf(address) external pure returns (uint256) {
        return type(uint256).max;
    }

    function openEscrow(Terms calldata terms, bytes calldata) external returns (bytes32) {
        kept.requester = msg.sender;
        (kept.policy, kept.resultVerifier, kept.modelId) = (terms.policy, terms.resultVerifier, terms.modelId);
        return "escrow";
    }

    function keep(Escrow calldata escrow) external {
        kept = escrow;
    }

    function escrowOf(bytes32) external view returns (Escrow memory) {
        return kept;
    }

    function answer(TestConsumer consumer, bytes32 modelId) external {
        consumer.onProofmarkResult("escrow", modelId, "output", 0);
    }
}

contract TensorHarness {
    function encode(IntegerTensor[] calldata tensors) external pure returns (bytes memory) {
        return TensorLib.encode(tensors);
    }

    function decode(bytes calldata body) external pure returns (IntegerTensor[] memory) {
        return TensorLib.decode(body);
    }

    function decodeOne(bytes calldata body, uint8 decimals, uint32[] calldata shape)
        external
        pure
        returns (int256[] memory)
    {
        return TensorLib.decode(body, decimals, shape);
    }

    function requireWithin(int256[] calldata values, int256 least, int256 most) external pure {
        TensorLib.requireWithin(values, least, most);
    }
}
