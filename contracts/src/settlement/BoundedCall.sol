// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// Less gas than the callee was promised would be left for it (EIP-150), so that its failure would be the caller's doing.
error CallGasTooLow();

/// Calls to contracts that somebody named: what they burn is capped, and what they return is never copied as a whole.
library BoundedCall {
    /// What is spent between the look at the gas left and the call (an account met for the first time: 2,600), and what
    /// is needed afterwards to write down how it went.
    uint256 private constant RESERVE = 10_000;

    /// Whether the answer is a word that is one: `true`, and nothing else that an ABI could take for it. A revert, an
    /// empty account and too little data are no. More data than a word is not looked at.
    function isTrue(address target, bytes memory data, uint256 gasCap) internal view returns (bool) {
        (bool answered, uint256 word) = read(target, data, gasCap);
        return answered && word == 1;
    }

    /// The first word of the answer, where there is one.
    function read(address target, bytes memory data, uint256 gasCap)
        internal
        view
        returns (bool answered, uint256 word)
    {
        assembly ("memory-safe") {
            answered := staticcall(gasCap, target, add(data, 0x20), mload(data), 0x00, 0x20)
            answered := and(answered, gt(returndatasize(), 0x1f))
            word := mload(0x00)
        }
    }

    /// Calls with exactly this much gas, or reverts when EIP-150 would silently make it less. An account without code
    /// has not been called.
    function tryCall(address target, bytes memory data, uint256 gasLimit) internal returns (bool done) {
        // All but one 64th of what is left can be given on: gasLimit needs 64/63 of itself.
        if (gasleft() < gasLimit + gasLimit / 63 + RESERVE) revert CallGasTooLow();
        return forward(target, data, gasLimit);
    }

    /// Calls with all gas but one 64th, which must be at least this much.
    function tryCallWithAll(address target, bytes memory data, uint256 gasLimit) internal returns (bool done) {
        if (gasleft() < gasLimit + gasLimit / 63 + RESERVE) revert CallGasTooLow();
        return forward(target, data, gasleft());
    }

    function forward(address target, bytes memory data, uint256 gasLimit) private returns (bool done) {
        assembly ("memory-safe") {
            if extcodesize(target) { done := call(gasLimit, target, 0, add(data, 0x20), mload(data), 0x00, 0x00) }
        }
    }
}
