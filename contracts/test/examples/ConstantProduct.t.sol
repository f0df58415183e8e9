// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { ConstantProduct } from "../../src/examples/ConstantProduct.sol";
import { FeeModel, VolatilityFeePool } from "../../src/examples/VolatilityFeePool.sol";
import { PoolFixture } from "./PoolFixture.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// What the pool does with tokens.
contract ConstantProductTest is PoolFixture {
    function setUp() external {
        deploy();
    }

    function product() private view returns (uint256) {
        return uint256(pool.reserve0()) * pool.reserve1();
    }

    function testFuzz_theProductNeverFallsByATrade(uint256 amount, bool zeroForOne) external {
        amount = bound(amount, 10, 1e25);
        uint256 before = product();
        uint256 expected = pool.quote(zeroForOne, amount);
        uint256 held = (zeroForOne ? token1 : token0).balanceOf(address(this));
        uint256 taken = pool.swap(zeroForOne, amount, expected, address(this), block.timestamp);
        vm.assertEq(taken, expected);
        vm.assertEq((zeroForOne ? token1 : token0).balanceOf(address(this)) - held, taken);
        vm.assertLe(before, product());
        vm.assertEq(token0.balanceOf(address(pool)), pool.reserve0());
        vm.assertEq(token1.balanceOf(address(pool)), pool.reserve1());
    }

    /// Coming and going never gains anything.
    function testFuzz_addingAndRemovingGainsNothing(uint256 amount0, uint256 amount1) external {
        (amount0, amount1) = (bound(amount0, 10, 1e25), bound(amount1, 10, 1e25));
        (uint256 held0, uint256 held1) = (token0.balanceOf(address(this)), token1.balanceOf(address(this)));
        uint256 shares = pool.addLiquidity(amount0, amount1, 0, address(this), block.timestamp);
        vm.assertLe(held0 - token0.balanceOf(address(this)), amount0);
        vm.assertLe(held1 - token1.balanceOf(address(this)), amount1);
        pool.removeLiquidity(shares, 0, 0, address(this), block.timestamp);
        vm.assertLe(token0.balanceOf(address(this)), held0);
        vm.assertLe(token1.balanceOf(address(this)), held1);
    }

    function test_keepsToItsLimits() external {
        vm.expectRevert(ConstantProduct.TooLate.selector);
        pool.swap(true, 1e18, 0, address(this), block.timestamp - 1);
        uint256 expected = pool.quote(true, 1e18);
        vm.expectRevert(abi.encodeWithSelector(ConstantProduct.TooLittle.selector, expected));
        pool.swap(true, 1e18, expected + 1, address(this), block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(ConstantProduct.TooLittle.selector, 0));
        pool.swap(true, 1, 0, address(this), block.timestamp);
        vm.expectRevert(ConstantProduct.ReserveOverflow.selector);
        pool.swap(true, 1 << 112, 0, address(this), block.timestamp);
        uint256 shares = pool.balanceOf(address(this));
        vm.expectRevert();
        pool.removeLiquidity(shares + 1, 0, 0, address(this), block.timestamp);
        vm.expectRevert();
        pool.removeLiquidity(shares, type(uint256).max, 0, address(this), block.timestamp);
    }

    function test_countsWhatArrivesAndIgnoresGifts() external {
        token0.keep(10);
        uint256 expected = pool.quote(true, 0.99e18);
        uint256 taken = pool.swap(true, 1e18, 0, address(this), block.timestamp);
        vm.assertEq(taken, expected);
        vm.assertEq(token0.balanceOf(address(pool)), pool.reserve0());
        token0.keep(0);
        uint256 price = pool.price();
        token0.transfer(address(pool), 1e24);
        vm.assertEq(pool.price(), price);
    }

    function test_reenteringIsRefused() external {
        bytes[4] memory calls = [
            abi.encodeCall(pool.swap, (true, 1e18, 0, address(this), block.timestamp)),
            abi.encodeCall(pool.addLiquidity, (1e18, 1e18, 0, address(this), block.timestamp)),
            abi.encodeCall(pool.removeLiquidity, (1e18, 0, 0, address(this), block.timestamp)),
            abi.encodeCall(pool.requestForecast, ())
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            token0.onTransfer(address(pool), calls[i]);
            pool.swap(true, 1e18, 0, address(this), block.timestamp);
            bytes4 why = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
            vm.assertEq(token0.failure(), abi.encodePacked(why));
        }
    }

    function test_refusesFeesThatAreNoMarket() external {
        for (uint256 i = 0; i < 8; i++) {
            FeeModel memory model = feeModel();
            if (i == 0) model.leastFee = 3_001;
            if (i == 1) model.mostFee = 2_999;
            if (i == 2) model.mostFee = 100_001;
            if (i == 3) model.feePerVolatility = 1_000_001;
            if (i == 4) model.forecastBlocks = 0;
            if (i == 5) model.requestBlocks = 0;
            if (i == 6) model.ask.maxAgeBlocks = 51;
            address second = i == 7 ? address(token0) : address(token1);
            bytes4 why = i == 7 ? ConstantProduct.TokensInvalid.selector : VolatilityFeePool.FeeModelInvalid.selector;
            vm.expectRevert(why);
            this.create(second, model);
        }
    }

    function create(address second, FeeModel memory model) external returns (address) {
        return made("VolatilityFeePool.sol:VolatilityFeePool", abi.encode(settlement, token0, second, model));
    }
}
