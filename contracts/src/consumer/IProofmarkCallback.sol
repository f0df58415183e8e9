// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// What a settlement calls when an escrow that named this contract as its callback is fulfilled.
interface IProofmarkCallback {
    /**
     * Anybody can call this: whoever implements it must check that the caller is the settlement that it opened the escrow
     * with, and that the escrow is one of its own that it still waits for. A revert leaves the answer in the settlement,
     * where `retryCallback` is open to everybody.
     *
     * @param output the answer's body, format 2 of DESIGN section 4 (`TensorLib` reads it); its hash was proven
     * @param log whose worker answered; zero where the result verifier needs no enclave
     */
    function onProofmarkResult(bytes32 escrow, bytes32 modelId, bytes calldata output, bytes32 log) external;
}
