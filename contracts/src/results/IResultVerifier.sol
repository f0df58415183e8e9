// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// What a requester paid for, and what somebody says is the answer.
struct Answer {
    bytes32 escrow;
    bytes32 modelId;
    /// SHA-256 of the input.
    bytes32 inputHash;
    bytes output;
    /// Who is paid; part of the statement, so that a copied proof pays the one who made it.
    address payee;
    /// Of the receipt that Settlement has checked; all three zero where none is needed.
    bytes32 log;
    bytes32 execution;
    bytes32 commitment;
}

/**
 * How an answer is checked beyond its receipt, or instead of one. The requester names it; Settlement calls it by
 * STATICCALL under a gas cap, and takes a revert, too little data and anything but `true` as no.
 */
interface IResultVerifier {
    /// Whether an answer needs a receipt of a registered worker. Read once, when the escrow is opened.
    function needsReceipt() external view returns (bool);

    function verify(Answer calldata answer, bytes calldata proof) external view returns (bool);
}
