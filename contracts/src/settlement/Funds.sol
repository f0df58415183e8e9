// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { IERC3009 } from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { IERC20Permit } from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// An EIP-712 signature by secp256k1, as the token takes it.
struct TokenSignature {
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/**
 * The one token, and what it holds for whom (DESIGN section 8). An account's credit is what it has deposited and not yet
 * put into a channel or an escrow, and what escrows have paid it; the account alone takes it out. Whatever is put into a
 * channel or an escrow comes from the credit of the caller, and what that lacks from its allowance.
 * @dev The token keeps its word or the deployment was a mistake: balances that change by themselves (rebasing) are not
 * seen, and a fee on the way out is the receiver's loss. A fee on the way in is refused.
 */
abstract contract Funds is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    IERC20 public immutable TOKEN;

    mapping(address account => uint256) public creditOf;

    /// The new credit of an account, after each change of it.
    event Credit(address indexed account, uint256 credit);
    event Deposited(address indexed from, address indexed account, uint256 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);

    error TokenHasNoCode();
    /// Another amount has arrived than was asked for, as with tokens that take a fee.
    error TokenMovedAnotherAmount();
    error CreditTooLow();
    error ZeroAddress();
    error AmountOutOfRange();

    constructor(IERC20 token) {
        if (address(token).code.length == 0) revert TokenHasNoCode();
        TOKEN = token;
    }

    /// Takes the caller's tokens by its allowance and credits them to anybody.
    function deposit(address account, uint256 amount) external nonReentrant {
        pull(msg.sender, amount);
        deposited(msg.sender, account, amount);
    }

    /// EIP-2612: the caller's permit and deposit in one. A permit that somebody else has used up already has left its
    /// allowance, which is all that counts here.
    function depositWithPermit(uint256 amount, uint256 deadline, TokenSignature calldata signature)
        external
        nonReentrant
    {
        IERC20Permit token = IERC20Permit(address(TOKEN));
        try token.permit(msg.sender, address(this), amount, deadline, signature.v, signature.r, signature.s) { }
            catch { }
        pull(msg.sender, amount);
        deposited(msg.sender, msg.sender, amount);
    }

    /// EIP-3009: whoever brings what `from` has signed, the tokens are credited to `from`. `receiveWithAuthorization`
    /// takes the signature from its payee only, so that nobody can move the tokens here past this function.
    function depositWithAuthorization(
        address from,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        TokenSignature calldata signature
    ) external nonReentrant {
        uint256 expected = TOKEN.balanceOf(address(this)) + amount;
        (uint8 v, bytes32 r, bytes32 s) = (signature.v, signature.r, signature.s);
        IERC3009(address(TOKEN))
            .receiveWithAuthorization(from, address(this), amount, validAfter, validBefore, nonce, v, r, s);
        if (TOKEN.balanceOf(address(this)) != expected) revert TokenMovedAnotherAmount();
        deposited(from, from, amount);
    }

    /// Pays out the caller's credit.
    function withdraw(address to, uint256 amount) external nonReentrant {
        uint256 credit = creditOf[msg.sender];
        if (amount > credit) revert CreditTooLow();
        setCredit(msg.sender, credit - amount);
        emit Withdrawn(msg.sender, to, amount);
        pay(to, amount);
    }

    /// Takes an amount from the caller, credit first.
    function collect(uint256 amount) internal {
        uint256 credit = creditOf[msg.sender];
        uint256 fromCredit = amount < credit ? amount : credit;
        if (fromCredit > 0) setCredit(msg.sender, credit - fromCredit);
        pull(msg.sender, amount - fromCredit);
    }

    function addCredit(address account, uint256 amount) internal {
        if (amount > 0) setCredit(account, creditOf[account] + amount);
    }

    function pay(address to, uint256 amount) internal {
        if (to == address(0) || to == address(this)) revert ZeroAddress();
        TOKEN.safeTransfer(to, amount);
    }

    function deposited(address from, address account, uint256 amount) private {
        if (account == address(0)) revert ZeroAddress();
        addCredit(account, amount);
        emit Deposited(from, account, amount);
    }

    function setCredit(address account, uint256 credit) private {
        creditOf[account] = credit;
        emit Credit(account, credit);
    }

    function pull(address from, uint256 amount) private {
        if (amount == 0) return;
        uint256 expected = TOKEN.balanceOf(address(this)) + amount;
        TOKEN.safeTransferFrom(from, address(this), amount);
        if (TOKEN.balanceOf(address(this)) != expected) revert TokenMovedAnotherAmount();
    }
}
