// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// The last prices of a pool, at most one a block, in a ring.
struct PriceHistory {
    /// How many were ever written.
    uint64 written;
    uint64 lastBlock;
    uint256[17] ring;
}

/// What a pool has seen of its own price. Nobody writes here but by trading.
library PriceHistories {
    /// Sixteen steps between seventeen prices.
    uint256 internal constant STEPS = 16;
    int256 internal constant ONE = 1e18;

    error HistoryTooShort(uint256 written);

    /// Keeps a price, unless this block has one already. A price of zero says nothing and is not kept.
    function write(PriceHistory storage self, uint256 price) internal returns (bool) {
        if (price == 0 || self.lastBlock == block.number) return false;
        self.ring[self.written % (STEPS + 1)] = price;
        self.written++;
        self.lastBlock = uint64(block.number);
        return true;
    }

    function isFull(PriceHistory storage self) internal view returns (bool) {
        return self.written > STEPS;
    }

    /// The relative change from each price to the next, oldest first, in units of 10^-18. One that more than doubles counts
    /// as doubled: no model of volatility has anything to say beyond.
    function changes(PriceHistory storage self) internal view returns (int256[] memory steps) {
        uint256 written = self.written;
        if (written <= STEPS) revert HistoryTooShort(written);
        steps = new int256[](STEPS);
        uint256 previous = self.ring[written % (STEPS + 1)];
        for (uint256 i = 0; i < STEPS; i++) {
            uint256 next = self.ring[(written + 1 + i) % (STEPS + 1)];
            steps[i] = next >= 2 * previous ? ONE : int256((next * uint256(ONE)) / previous) - ONE;
            previous = next;
        }
    }
}
