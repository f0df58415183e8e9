// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { ERC20Permit } from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import { ERC3009 } from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

/// A token with everything that deposits can use.
contract TestToken is ERC20, ERC20Permit, ERC3009 {
    bytes32 public constant RECEIVE_TYPEHASH = RECEIVE_WITH_AUTHORIZATION_TYPEHASH;

    constructor() ERC20("Test", "TEST") ERC20Permit("Test") { }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function digest(bytes32 structHash) external view returns (bytes32) {
        return _hashTypedDataV4(structHash);
    }
}

/// Keeps a hundredth of whatever moves.
contract FeeToken is ERC20 {
    constructor() ERC20("Fee", "FEE") { }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from != address(0) && to != address(0)) {
            super._update(from, address(this), amount / 100);
            amount -= amount / 100;
        }
        super._update(from, to, amount);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _transfer(from, to, value);
    }
}

/// Moves nothing while told so, and says it in one of the ways of old tokens.
contract OddToken {
    enum Answer {
        True,
        False,
        Nothing,
        Two
    }

    mapping(address => uint256) public balanceOf;
    Answer private answer;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function set(Answer to) external {
        answer = to;
    }

    function transfer(address to, uint256 amount) external {
        move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        move(from, to, amount);
    }

    function move(address from, address to, uint256 amount) private {
        if (answer == Answer.True || answer == Answer.Nothing) {
            balanceOf[from] -= amount;
            balanceOf[to] += amount;
        }
        if (answer == Answer.Nothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        uint256 word = answer == Answer.True ? 1 : answer == Answer.False ? 0 : 2;
        assembly ("memory-safe") {
            mstore(0, word)
            return(0, 32)
        }
    }
}

/// Calls somebody in the middle of a transfer, as tokens with hooks do.
contract HookToken is ERC20 {
    address private target;
    bytes private data;
    bool public entered;
    bytes public answer;

    constructor() ERC20("Hook", "HOOK") { }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function hook(address to, bytes calldata call) external {
        (target, data, entered, answer) = (to, call, false, "");
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (target == address(0) || from == address(0)) return;
        (address called, bytes memory call) = (target, data);
        target = address(0);
        (entered, answer) = called.call(call);
    }
}
