// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Answer, IResultVerifier } from "../../src/results/IResultVerifier.sol";
import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Takes any answer without a receipt and keeps nothing: what the pool does with answers is what is tested.
contract ForecastVerifier is IResultVerifier {
    function needsReceipt() external pure returns (bool) {
        return false;
    }

    function verify(Answer calldata, bytes calldata) external pure returns (bool) {
        return true;
    }
}

/// A token that keeps a part on the way, or calls somebody on the way, where a test wants it.
contract PoolToken is ERC20 {
    uint256 public keeps;
    address private target;
    bytes private data;
    bytes public failure;

    constructor() ERC20("Pool token", "POOL") { }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function keep(uint256 perMille) external {
        keeps = perMille;
    }

    function onTransfer(address to, bytes calldata call) external {
        (target, data) = (to, call);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, amount);
        uint256 kept = (amount * keeps) / 1000;
        if (kept > 0) super._update(from, address(this), kept);
        super._update(from, to, amount - kept);
        if (target == address(0)) return;
        address called = target;
        target = address(0);
        (bool done, bytes memory why) = called.call(data);
        failure = done ? bytes("") : why;
    }
}
