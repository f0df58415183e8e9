// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Ask, ProofmarkConsumer } from "../consumer/ProofmarkConsumer.sol";
import { TensorLib } from "../consumer/TensorLib.sol";
import { Settlement } from "../settlement/Settlement.sol";
import { ConstantProduct } from "./ConstantProduct.sol";
import { PriceHistories, PriceHistory } from "./PriceHistory.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// What the pool asks of its model and how it turns answers into fees, which are in millionths.
struct FeeModel {
    Ask ask;
    uint256 leastFee;
    uint256 mostFee;
    /// While there is no forecast, or none that is young enough.
    uint256 defaultFee;
    /// Added to `leastFee` for a forecast of 1.0, and in proportion.
    uint256 feePerVolatility;
    /// How many blocks after its request a forecast counts.
    uint256 forecastBlocks;
    /// How many blocks lie between two requests, at least.
    uint256 requestBlocks;
}

/**
 * An example: a constant-product pool whose fee follows a forecast of volatility that a proven worker has computed from the
 * pool's own prices. The input is made here, out of what traders did in earlier blocks; nobody can hand one in. The model,
 * the policy and how an answer is verified are fixed at deployment; there is no owner.
 *
 * A forecast that does not come, or comes too late, or makes no sense, costs nothing but the default fee. Fees stay within
 * bounds whatever the model says.
 *
 * What it does not defend against: whoever trades in seventeen blocks writes seventeen prices, and pays for it; whoever runs
 * the workers can withhold a forecast that they do not like, and the default fee should be one that this cannot gain from.
 */
contract VolatilityFeePool is ConstantProduct, ProofmarkConsumer {
    using SafeERC20 for IERC20;
    using PriceHistories for PriceHistory;

    /// A volatility of 1.0, beyond which the model's answers are refused.
    int256 private constant MOST_VOLATILITY = 1e18;
    uint8 private constant DECIMALS = 18;

    uint256 public immutable LEAST_FEE;
    uint256 public immutable MOST_FEE;
    uint256 public immutable DEFAULT_FEE;
    uint256 public immutable FEE_PER_VOLATILITY;
    uint256 public immutable FORECAST_BLOCKS;
    uint256 public immutable REQUEST_BLOCKS;

    Ask private ask;
    PriceHistory private history;

    uint32 private forecastFee;
    /// Of the request, not of its answer: a forecast is as old as the prices that it was made from. Zero: none yet.
    uint64 public forecastBlock;
    uint64 public lastRequestBlock;

    event PriceObserved(uint256 price);
    event ForecastRequested(bytes32 indexed escrow, address indexed payer, uint256 paid);
    event ForecastTaken(bytes32 indexed escrow, int256 volatility, uint256 fee, uint256 fromBlock);

    error FeeModelInvalid();
    error RequestTooEarly(uint256 fromBlock);
    /// A younger forecast is in use.
    error ForecastOutdated();
    error PaymentIncomplete();

    constructor(Settlement settlement, IERC20 token0, IERC20 token1, FeeModel memory model)
        ConstantProduct(token0, token1)
        ProofmarkConsumer(settlement)
    {
        bool ordered = model.leastFee <= model.defaultFee && model.defaultFee <= model.mostFee;
        // Above a tenth it would be no market any more; the slope is bounded so that no product can overflow.
        if (!ordered || model.mostFee > FEE_UNIT / 10 || model.feePerVolatility > FEE_UNIT) revert FeeModelInvalid();
        if (model.forecastBlocks == 0 || model.requestBlocks == 0) revert FeeModelInvalid();
        // An answer that is not refused as too old must still be of use.
        if (model.ask.maxAgeBlocks > model.forecastBlocks) revert FeeModelInvalid();
        LEAST_FEE = model.leastFee;
        MOST_FEE = model.mostFee;
        DEFAULT_FEE = model.defaultFee;
        FEE_PER_VOLATILITY = model.feePerVolatility;
        FORECAST_BLOCKS = model.forecastBlocks;
        REQUEST_BLOCKS = model.requestBlocks;
        ask = model.ask;
    }

    /// Asks for a forecast over the prices seen so far. Open to everybody; whoever calls pays what earlier requests that
    /// were given back do not cover.
    function requestForecast() external nonReentrant returns (bytes32 escrow) {
        uint256 from = lastRequestBlock == 0 ? 0 : lastRequestBlock + REQUEST_BLOCKS;
        if (block.number < from) revert RequestTooEarly(from);
        lastRequestBlock = uint64(block.number);
        Ask memory terms = ask;
        uint256 credit = SETTLEMENT.creditOf(address(this));
        uint256 due = credit < terms.maxFee ? terms.maxFee - credit : 0;
        if (due > 0) collect(due);
        uint32[] memory shape = new uint32[](2);
        (shape[0], shape[1]) = (1, uint32(PriceHistories.STEPS));
        escrow = _request(terms, TensorLib.encode(DECIMALS, shape, history.changes()));
        emit ForecastRequested(escrow, msg.sender, due);
    }

    /// @inheritdoc ConstantProduct
    function currentFee() public view override returns (uint256) {
        if (forecastBlock == 0 || block.number > forecastBlock + FORECAST_BLOCKS) return DEFAULT_FEE;
        return forecastFee;
    }

    function observations() external view returns (uint256) {
        return history.written;
    }

    /// The input of the next request.
    function observedChanges() external view returns (int256[] memory) {
        return history.changes();
    }

    /// The price that earlier blocks have left behind: whoever moves it in this block moves no observation of it.
    function beforeSwap() internal override {
        uint256 observed = price();
        if (history.write(observed)) emit PriceObserved(observed);
    }

    function _onResult(bytes32 escrow, bytes calldata output, bytes32) internal override {
        uint256 fromBlock = requestOf(escrow).openedBlock;
        if (fromBlock <= forecastBlock) revert ForecastOutdated();
        uint32[] memory shape = new uint32[](2);
        (shape[0], shape[1]) = (1, 1);
        int256[] memory values = TensorLib.decode(output, DECIMALS, shape);
        TensorLib.requireWithin(values, 0, MOST_VOLATILITY);
        uint256 fee = LEAST_FEE + (uint256(values[0]) * FEE_PER_VOLATILITY) / uint256(MOST_VOLATILITY);
        if (fee > MOST_FEE) fee = MOST_FEE;
        (forecastFee, forecastBlock) = (uint32(fee), uint64(fromBlock));
        emit ForecastTaken(escrow, values[0], fee, fromBlock);
    }

    /// All of it has to arrive: were the payment token one of the pool's own, the rest would come out of its reserves.
    function collect(uint256 due) private {
        uint256 held = PAYMENT_TOKEN.balanceOf(address(this));
        PAYMENT_TOKEN.safeTransferFrom(msg.sender, address(this), due);
        if (PAYMENT_TOKEN.balanceOf(address(this)) != held + due) revert PaymentIncomplete();
    }
}
