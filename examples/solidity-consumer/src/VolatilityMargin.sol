// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Ask, ProofmarkConsumer } from "proofmark/consumer/ProofmarkConsumer.sol";
import { TensorLib } from "proofmark/consumer/TensorLib.sol";
import { Settlement } from "proofmark/settlement/Settlement.sol";

/// What an answer may do here, at most: fixed at deployment, since there is no owner who could change it.
struct MarginRules {
    /// In hundredths of a per cent of a position. What is asked for while there is no forecast that counts.
    uint256 defaultMargin;
    uint256 leastMargin;
    uint256 mostMargin;
    /// Added to the least for a forecast volatility of 1.0, and in proportion.
    uint256 perVolatility;
    /// For how many seconds after its request a forecast counts.
    uint256 forecastSeconds;
}

/**
 * A margin requirement that follows a forecast of volatility, which a proven worker computes from prices that this contract
 * has seen itself. Everything that a consumer decides is here: where its input comes from, how old an answer may be, how
 * many may be under way, between which bounds a number is believed, and what holds while there is none.
 *
 * What `ProofmarkConsumer` sees to: only its settlement calls back, once for each request, for the model, the policy and the
 * result verifier that were asked for, and in time. Whoever runs the worker can still withhold a forecast that it does not
 * like, so the default must be a margin that nobody gains from.
 */
contract VolatilityMargin is ProofmarkConsumer {
    uint256 public constant STEPS = 16;
    uint8 private constant DECIMALS = 18;
    int256 private constant ONE = 1e18;

    /// Who may report prices. A real one would read a pool or an oracle instead of trusting an account.
    address public immutable REPORTER;

    Ask private ask;
    MarginRules private rules;

    int256[STEPS] private changes;
    uint256 public observations;
    uint256 private lastPrice;

    /// Zero: none is under way.
    bytes32 public pending;
    uint256 private forecastMargin;
    /// When the prices were asked about, not when the answer came: a forecast is as old as its input.
    uint256 public forecastFrom;

    event Forecast(bytes32 indexed escrow, int256 volatility, uint256 margin);

    error NotTheReporter();
    error PriceInvalid();
    error TooFewObservations();
    error AlreadyAsked(bytes32 escrow);
    error RulesInvalid();

    constructor(Settlement settlement, address reporter, Ask memory wanted, MarginRules memory bounds)
        ProofmarkConsumer(settlement)
    {
        bool ordered = bounds.leastMargin <= bounds.defaultMargin && bounds.defaultMargin <= bounds.mostMargin;
        if (!ordered || bounds.mostMargin > 10_000 || bounds.perVolatility > 1e9) revert RulesInvalid();
        // An answer that is not refused as too old must still be of use.
        if (wanted.maxAgeSeconds > bounds.forecastSeconds) revert RulesInvalid();
        REPORTER = reporter;
        ask = wanted;
        rules = bounds;
    }

    function observe(uint256 price) external {
        if (msg.sender != REPORTER) revert NotTheReporter();
        if (price == 0 || price > type(uint128).max) revert PriceInvalid();
        if (lastPrice != 0) {
            changes[observations % STEPS] = (int256(price) * ONE) / int256(lastPrice) - ONE;
            observations++;
        }
        lastPrice = price;
    }

    /// Open to everybody, since nobody has a choice in it: the input is this contract's, and one request is under way at
    /// most. The fee comes out of what this contract holds.
    function askForForecast() external returns (bytes32 escrow) {
        if (observations < STEPS) revert TooFewObservations();
        if (pending != 0) revert AlreadyAsked(pending);
        escrow = _request(ask, input());
        pending = escrow;
    }

    /// In hundredths of a per cent. Never below the least and never above the most, whatever a model says.
    function margin() external view returns (uint256) {
        bool counts = forecastFrom != 0 && block.timestamp <= forecastFrom + rules.forecastSeconds;
        return counts ? forecastMargin : rules.defaultMargin;
    }

    /// The changes of price, oldest first, in the shape that the release states.
    function input() public view returns (bytes memory) {
        uint32[] memory shape = new uint32[](2);
        (shape[0], shape[1]) = (1, uint32(STEPS));
        int256[] memory values = new int256[](STEPS);
        for (uint256 i = 0; i < STEPS; i++) {
            values[i] = changes[(observations + i) % STEPS];
        }
        return TensorLib.encode(DECIMALS, shape, values);
    }

    function _onResult(bytes32 escrow, bytes calldata output, bytes32) internal virtual override {
        uint32[] memory shape = new uint32[](2);
        (shape[0], shape[1]) = (1, 1);
        // Other decimals, another shape, or more than one tensor: refused, and never rescaled.
        int256[] memory values = TensorLib.decode(output, DECIMALS, shape);
        TensorLib.requireWithin(values, 0, ONE);
        uint256 wanted = rules.leastMargin + (uint256(values[0]) * rules.perVolatility) / uint256(ONE);
        forecastMargin = wanted > rules.mostMargin ? rules.mostMargin : wanted;
        forecastFrom = requestOf(escrow).openedAt;
        pending = 0;
        emit Forecast(escrow, values[0], forecastMargin);
    }

    function _onAbandoned(bytes32 escrow) internal override {
        if (pending == escrow) pending = 0;
    }
}
