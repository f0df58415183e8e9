// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { PoolFixture } from "./PoolFixture.sol";

/// Traders, providers, a keeper and a forecaster who says anything, at random.
contract PoolHandler is PoolFixture {
    uint256 public swaps;
    uint256 public additions;
    uint256 public removals;
    uint256 public requests;
    uint256 public forecasts;
    uint256 public refusedForecasts;
    /// Trades by which the product fell, and moves of liquidity by which a share came to stand for less.
    uint256 public losses;

    bytes32[] private open;

    constructor() {
        deploy();
        trade(17);
    }

    function swapSome(bool zeroForOne, uint256 amount) external {
        next(amount);
        uint256 before = uint256(pool.reserve0()) * pool.reserve1();
        try pool.swap(zeroForOne, bound(amount, 1, 1e24), 0, address(this), block.timestamp) {
            swaps++;
        } catch { }
        if (uint256(pool.reserve0()) * pool.reserve1() < before) losses++;
    }

    function add(uint256 amount0, uint256 amount1) external {
        (uint256 share0, uint256 share1) = worth();
        try pool.addLiquidity(bound(amount0, 1, 1e24), bound(amount1, 1, 1e24), 0, address(this), block.timestamp) {
            additions++;
        } catch { }
        checkWorth(share0, share1);
    }

    function remove(uint256 shares) external {
        (uint256 share0, uint256 share1) = worth();
        // Never so much that trades would empty the rest.
        try pool.removeLiquidity(
            bound(shares, 0, pool.balanceOf(address(this)) / 3), 0, 0, address(this), block.timestamp
        ) {
            removals++;
        } catch { }
        checkWorth(share0, share1);
    }

    function ask() external {
        vm.prank(KEEPER);
        try pool.requestForecast() returns (bytes32 id) {
            open.push(id);
            requests++;
        } catch { }
    }

    function say(uint256 which, int256 volatility, uint256 sane) external {
        if (open.length == 0) return;
        uint256 index = which % open.length;
        bytes32 id = open[index];
        open[index] = open[open.length - 1];
        open.pop();
        if (sane % 4 != 0) volatility = int256(bound(uint256(volatility), 0, 0.1e18));
        try settlement.fulfilProven(id, forecast(volatility), FORECASTER, "") {
            if (settlement.escrowOf(id).undelivered) refusedForecasts++;
            else forecasts++;
        } catch { }
    }

    function next(uint256 seed) private {
        if (seed % 3 == 0) return;
        vm.roll(block.number + 1 + (seed % 7));
        vm.warp(block.timestamp + 12);
    }

    /// What 10^36 shares stand for.
    function worth() private view returns (uint256, uint256) {
        uint256 supply = pool.totalSupply();
        return (uint256(pool.reserve0()) * 1e36 / supply, uint256(pool.reserve1()) * 1e36 / supply);
    }

    function checkWorth(uint256 share0, uint256 share1) private {
        (uint256 now0, uint256 now1) = worth();
        if (now0 < share0 || now1 < share1) losses++;
    }

    function state() external view returns (uint256 fee, bool backed) {
        fee = pool.currentFee();
        backed = token0.balanceOf(address(pool)) == pool.reserve0()
            && token1.balanceOf(address(pool)) == pool.reserve1() && payment.balanceOf(address(pool)) == 0;
    }
}
