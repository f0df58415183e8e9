// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";

/**
 * A pool of two tokens whose product never falls by trading; its shares are tokens. Every division rounds in the pool's
 * favour. Counts what has really arrived, so that tokens with a fee work and gifts change nothing. Tokens whose balances
 * change by themselves are not for it.
 */
abstract contract ConstantProduct is ERC20, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// Fees are in millionths.
    uint256 public constant FEE_UNIT = 1_000_000;
    /// Shares that nobody owns: with them the first depositor cannot make one share worth too much for the next.
    uint256 public constant LOCKED_SHARES = 1000;
    address private constant NOBODY = address(0xdead);

    IERC20 public immutable TOKEN0;
    IERC20 public immutable TOKEN1;

    uint112 public reserve0;
    uint112 public reserve1;

    event Swapped(
        address indexed sender, address indexed to, bool zeroForOne, uint256 given, uint256 taken, uint256 fee
    );
    event LiquidityAdded(address indexed from, address indexed to, uint256 amount0, uint256 amount1, uint256 shares);
    event LiquidityRemoved(address indexed from, address indexed to, uint256 amount0, uint256 amount1, uint256 shares);
    /// After every change of them.
    event Reserves(uint112 reserve0, uint112 reserve1);

    error TokensInvalid();
    error TooLate();
    error TooLittle(uint256 amount);
    error ReserveOverflow();

    modifier before(uint256 deadline) {
        if (block.timestamp > deadline) revert TooLate();
        _;
    }

    constructor(IERC20 token0, IERC20 token1) ERC20("Volatility fee pool share", "VFP") {
        if (address(token0) == address(token1)) revert TokensInvalid();
        if (address(token0).code.length == 0 || address(token1).code.length == 0) revert TokensInvalid();
        (TOKEN0, TOKEN1) = (token0, token1);
    }

    /// In millionths, of what is given.
    function currentFee() public view virtual returns (uint256);

    /// Called before the first change that a trade makes.
    function beforeSwap() internal virtual;

    /// Gives exactly `amount` of one token for at least `least` of the other.
    function swap(bool zeroForOne, uint256 amount, uint256 least, address to, uint256 deadline)
        external
        nonReentrant
        before(deadline)
        returns (uint256 taken)
    {
        beforeSwap();
        uint256 fee = currentFee();
        (IERC20 given, IERC20 wanted) = zeroForOne ? (TOKEN0, TOKEN1) : (TOKEN1, TOKEN0);
        (uint256 reserveIn, uint256 reserveOut) = zeroForOne ? (reserve0, reserve1) : (reserve1, reserve0);
        uint256 arrived = pull(given, amount);
        taken = outFor(arrived, reserveIn, reserveOut, fee);
        if (taken == 0 || taken < least) revert TooLittle(taken);
        if (zeroForOne) setReserves(reserveIn + arrived, reserveOut - taken);
        else setReserves(reserveOut - taken, reserveIn + arrived);
        emit Swapped(msg.sender, to, zeroForOne, arrived, taken, fee);
        wanted.safeTransfer(to, taken);
    }

    /// What a trade would give now.
    function quote(bool zeroForOne, uint256 amount) external view returns (uint256) {
        (uint256 reserveIn, uint256 reserveOut) = zeroForOne ? (reserve0, reserve1) : (reserve1, reserve0);
        return outFor(amount, reserveIn, reserveOut, currentFee());
    }

    /// Takes up to both amounts in the pool's own proportion.
    function addLiquidity(uint256 amount0, uint256 amount1, uint256 leastShares, address to, uint256 deadline)
        external
        nonReentrant
        before(deadline)
        returns (uint256 shares)
    {
        uint256 supply = totalSupply();
        if (supply > 0) (amount0, amount1) = inProportion(amount0, amount1);
        (uint256 arrived0, uint256 arrived1) = (pull(TOKEN0, amount0), pull(TOKEN1, amount1));
        if (supply == 0) {
            shares = Math.sqrt(arrived0 * arrived1);
            if (shares <= LOCKED_SHARES) revert TooLittle(shares);
            shares -= LOCKED_SHARES;
            _mint(NOBODY, LOCKED_SHARES);
        } else {
            shares = Math.min((arrived0 * supply) / reserve0, (arrived1 * supply) / reserve1);
        }
        if (shares == 0 || shares < leastShares) revert TooLittle(shares);
        setReserves(reserve0 + arrived0, reserve1 + arrived1);
        _mint(to, shares);
        emit LiquidityAdded(msg.sender, to, arrived0, arrived1, shares);
    }

    function removeLiquidity(uint256 shares, uint256 least0, uint256 least1, address to, uint256 deadline)
        external
        nonReentrant
        before(deadline)
        returns (uint256 amount0, uint256 amount1)
    {
        uint256 supply = totalSupply();
        (amount0, amount1) = ((shares * reserve0) / supply, (shares * reserve1) / supply);
        if (amount0 < least0) revert TooLittle(amount0);
        if (amount1 < least1) revert TooLittle(amount1);
        _burn(msg.sender, shares);
        setReserves(reserve0 - amount0, reserve1 - amount1);
        emit LiquidityRemoved(msg.sender, to, amount0, amount1, shares);
        TOKEN0.safeTransfer(to, amount0);
        TOKEN1.safeTransfer(to, amount1);
    }

    /// Of token 1 for token 0, in units of 10^-18; zero while the pool is empty.
    function price() public view returns (uint256) {
        return reserve0 == 0 ? 0 : (uint256(reserve1) * 1e18) / reserve0;
    }

    function outFor(uint256 amount, uint256 reserveIn, uint256 reserveOut, uint256 fee) private pure returns (uint256) {
        if (amount > type(uint112).max) revert ReserveOverflow();
        uint256 effective = (amount * (FEE_UNIT - fee)) / FEE_UNIT;
        if (effective == 0) return 0;
        return (reserveOut * effective) / (reserveIn + effective);
    }

    function inProportion(uint256 most0, uint256 most1) private view returns (uint256, uint256) {
        if (most0 > type(uint112).max || most1 > type(uint112).max) revert ReserveOverflow();
        uint256 for0 = Math.ceilDiv(most0 * reserve1, reserve0);
        if (for0 <= most1) return (most0, for0);
        return (Math.min(most0, Math.ceilDiv(most1 * reserve0, reserve1)), most1);
    }

    /// What arrives counts, not what was sent.
    function pull(IERC20 token, uint256 amount) private returns (uint256) {
        if (amount > type(uint112).max) revert ReserveOverflow();
        uint256 held = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        return token.balanceOf(address(this)) - held;
    }

    function setReserves(uint256 next0, uint256 next1) private {
        if (next0 > type(uint112).max || next1 > type(uint112).max) revert ReserveOverflow();
        (reserve0, reserve1) = (uint112(next0), uint112(next1));
        emit Reserves(uint112(next0), uint112(next1));
    }
}
