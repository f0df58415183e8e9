// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Ask } from "../../src/consumer/ProofmarkConsumer.sol";
import { FeeModel, VolatilityFeePool } from "../../src/examples/VolatilityFeePool.sol";
import { Settlement } from "../../src/settlement/Settlement.sol";
import { StubRegistry } from "../settlement/StubRegistry.sol";
import { TestToken } from "../settlement/TestTokens.sol";
import { Test } from "../support/Test.sol";
import { ForecastVerifier, PoolToken } from "./PoolParts.sol";

/// A pool with liquidity, and a result verifier that takes what the forecaster says.
abstract contract PoolFixture is Test {
    uint256 internal constant START = 1_800_000_000;
    address internal constant KEEPER = address(0x4ee9);
    address internal constant FORECASTER = address(0xf0e);

    TestToken internal payment;
    PoolToken internal token0;
    PoolToken internal token1;
    Settlement internal settlement;
    ForecastVerifier internal verifier;
    VolatilityFeePool internal pool;

    function deploy() internal {
        vm.warp(START);
        vm.roll(1000);
        payment = TestToken(made("TestTokens.sol:TestToken", ""));
        token0 = PoolToken(made("PoolParts.sol:PoolToken", ""));
        token1 = PoolToken(made("PoolParts.sol:PoolToken", ""));
        address registry = made("StubRegistry.sol:StubRegistry", "");
        settlement = Settlement(made("Settlement.sol:Settlement", abi.encode(payment, registry, uint256(1 days))));
        verifier = ForecastVerifier(made("PoolParts.sol:ForecastVerifier", ""));
        pool = VolatilityFeePool(
            made("VolatilityFeePool.sol:VolatilityFeePool", abi.encode(settlement, token0, token1, feeModel()))
        );
        payment.mint(KEEPER, 1_000_000);
        approve(KEEPER, address(payment), address(pool));
        approve(KEEPER, address(payment), address(settlement));
        enrich(address(this));
        pool.addLiquidity(1e24, 2e24, 0, address(this), block.timestamp);
    }

    function enrich(address account) internal {
        token0.mint(account, 1e26);
        token1.mint(account, 1e26);
        approve(account, address(token0), address(pool));
        approve(account, address(token1), address(pool));
    }

    function approve(address account, address token, address spender) private {
        vm.prank(account);
        TestToken(token).approve(spender, type(uint256).max);
    }

    function feeModel() internal view returns (FeeModel memory model) {
        model.ask = Ask({
            modelId: keccak256("volatility"),
            policy: address(0),
            resultVerifier: address(verifier),
            unitPrice: 70,
            maxFee: 100,
            lifetimeSeconds: 1 hours,
            callbackGas: 300_000,
            maxAgeBlocks: 20,
            maxAgeSeconds: 1 hours
        });
        model.leastFee = 500;
        model.mostFee = 30_000;
        model.defaultFee = 3_000;
        model.feePerVolatility = 1_000_000;
        model.forecastBlocks = 50;
        model.requestBlocks = 5;
    }

    /// A trade in each of `blocks` blocks, to and fro.
    function trade(uint256 blocks) internal {
        for (uint256 i = 0; i < blocks; i++) {
            vm.roll(block.number + 1);
            vm.warp(block.timestamp + 2);
            pool.swap(i % 2 == 0, 1e21 * (1 + i), 0, address(this), block.timestamp);
        }
    }

    function request() internal returns (bytes32) {
        vm.prank(KEEPER);
        return pool.requestForecast();
    }

    function forecast(int256 volatility) internal pure returns (bytes memory) {
        return abi.encode(18, 2, 1, 1, volatility);
    }

    function answer(bytes32 escrow, bytes memory output) internal {
        settlement.fulfilProven(escrow, output, FORECASTER, "");
    }

    /// From the artifact: a test that had the code of others inside would be larger than contracts may be.
    function made(string memory artifact, bytes memory arguments) internal returns (address at) {
        bytes memory code = abi.encodePacked(vm.getCode(artifact), arguments);
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
            if iszero(at) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }
}
