// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { FeeModel, VolatilityFeePool } from "../../src/examples/VolatilityFeePool.sol";
import { Receipt } from "../../src/log/Receipt.sol";
import { RequestHeader } from "../../src/log/Request.sol";
import { Escrow, Escrows } from "../../src/settlement/Escrows.sol";
import { LoggedReceipt } from "../../src/settlement/Heads.sol";
import { SettlementFixture } from "../settlement/SettlementFixture.sol";
import { PoolToken } from "./PoolParts.sol";

/// A pool that takes forecasts of attested workers under a policy, by receipts with real signatures.
contract PoolByReceiptTest is SettlementFixture {
    VolatilityFeePool private pool;
    bytes32 private constant OTHER_LOG = keccak256("another log");
    uint256 private constant OTHER_KEY = 0xb0b;

    function setUp() external {
        deploy();
        PoolToken token0 = PoolToken(made("PoolParts.sol:PoolToken", ""));
        PoolToken token1 = PoolToken(made("PoolParts.sol:PoolToken", ""));
        FeeModel memory model;
        model.ask.modelId = keccak256("volatility");
        (model.ask.policy, model.ask.resultVerifier) = (address(policy), address(attested));
        (model.ask.unitPrice, model.ask.maxFee, model.ask.lifetimeSeconds) = (70, 100, 1 hours);
        (model.ask.callbackGas, model.ask.maxAgeBlocks, model.ask.maxAgeSeconds) = (300_000, 20, 1 hours);
        (model.leastFee, model.defaultFee, model.mostFee) = (500, 3_000, 30_000);
        (model.feePerVolatility, model.forecastBlocks, model.requestBlocks) = (1_000_000, 50, 5);
        bytes memory arguments = abi.encode(settlement, token0, token1, model);
        pool = VolatilityFeePool(made("VolatilityFeePool.sol:VolatilityFeePool", arguments));
        vm.prank(requester);
        token.approve(address(pool), type(uint256).max);
        token0.mint(address(this), 1e26);
        token1.mint(address(this), 1e26);
        token0.approve(address(pool), type(uint256).max);
        token1.approve(address(pool), type(uint256).max);
        pool.addLiquidity(1e24, 2e24, 0, address(this), block.timestamp);
        for (uint256 i = 0; i < 17; i++) {
            vm.roll(block.number + 1);
            pool.swap(i % 2 == 0, 1e21 * (1 + i), 0, address(this), block.timestamp);
        }
    }

    function request() private returns (bytes32) {
        vm.prank(requester);
        return pool.requestForecast();
    }

    function inputOf(int256[] memory changes) private pure returns (bytes memory) {
        return abi.encodePacked(uint256(18), uint256(2), uint256(1), uint256(16), changes);
    }

    function forecast(int256 volatility) private pure returns (bytes memory) {
        return abi.encode(18, 2, 1, 1, volatility);
    }

    /// What an honest worker answers to the pool's request, had it been given this input.
    function receiptFor(bytes32 id, bytes32 model, bytes memory input, bytes memory output)
        private
        view
        returns (Receipt memory receipt)
    {
        Escrow memory escrow = settlement.escrowOf(id);
        RequestHeader memory header = RequestHeader({
            requestId: id,
            modelId: model,
            operation: 0,
            format: 2,
            jsonLength: 0,
            flags: 1,
            salt: id,
            channel: 0,
            unitPrice: 70,
            maxFee: 100,
            deadline: escrow.deadline,
            seed: sha256(abi.encode(id))
        });
        receipt.requestId = id;
        receipt.modelId = model;
        receipt.requestHash = sha256(abi.encodePacked(hex"02", abi.encode(header), sha256(input)));
        receipt.responseHash = sha256(abi.encodePacked(hex"03", id, uint256(0), uint256(2), uint256(0), sha256(output)));
        (receipt.execution, receipt.flags, receipt.fee) = (EXECUTION, 1, 70);
        (receipt.deadline, receipt.index) = (escrow.deadline, 3);
    }

    function refused(bytes32 id, bytes memory output, LoggedReceipt memory by, bytes4 why) private {
        vm.expectRevert(why);
        settlement.fulfil(id, output, by, "");
    }

    function test_takesAForecastThatAWorkerOfItsPolicyAttested() external {
        bytes32 id = request();
        bytes memory output = forecast(0.01e18);
        Receipt memory receipt = receiptFor(id, keccak256("volatility"), inputOf(pool.observedChanges()), output);
        settlement.fulfil(id, output, logged(WORKER_KEY, LOG, receipt), "");
        vm.assertEq(pool.currentFee(), 10_500);
        vm.assertEq(settlement.creditOf(operator), 70);
    }

    function test_refusesAWorkerThatItsPolicyDoesNotAccept() external {
        enrol(OTHER_LOG, OTHER_KEY, operator);
        bytes32 id = request();
        bytes memory output = forecast(0.01e18);
        Receipt memory receipt = receiptFor(id, keccak256("volatility"), inputOf(pool.observedChanges()), output);
        refused(id, output, logged(OTHER_KEY, OTHER_LOG, receipt), Escrows.LogNotAccepted.selector);
        vm.assertEq(pool.currentFee(), 3_000);
    }

    function test_refusesAnotherModelAndAKeepersInput() external {
        bytes32 id = request();
        bytes memory output = forecast(0.01e18);
        Receipt memory receipt = receiptFor(id, "another model", inputOf(pool.observedChanges()), output);
        refused(id, output, logged(WORKER_KEY, LOG, receipt), Escrows.ReceiptOfOtherRequest.selector);
        int256[] memory calm = new int256[](16);
        receipt = receiptFor(id, keccak256("volatility"), inputOf(calm), output);
        refused(id, output, logged(WORKER_KEY, LOG, receipt), Escrows.ReceiptOfOtherRequest.selector);
        // A worker's own answer, and somebody's other output under it.
        receipt = receiptFor(id, keccak256("volatility"), inputOf(pool.observedChanges()), output);
        refused(id, forecast(0.02e18), logged(WORKER_KEY, LOG, receipt), Escrows.ReceiptOfOtherOutput.selector);
        vm.assertEq(pool.currentFee(), 3_000);
    }
}
