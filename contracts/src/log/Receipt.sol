// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// Not what a worker writes: an integer wider than its field, a status or a flag that this version does not know.
error ReceiptInvalid();

uint256 constant STATUS_OK = 0;
// The last status that charges: cancelled by the client.
uint256 constant STATUS_CANCELLED = 1;
uint256 constant STATUS_REFUSED = 4;

uint256 constant FLAG_DISCLOSE = 1;
uint256 constant ALL_FLAGS = 7;

/**
 * What a worker says about one request (DESIGN section 4), word for word as `wire/message/receipt.ts` writes it. Integers
 * are whole words, so that high bits that their fields do not have arrive here and are refused with a name.
 */
struct Receipt {
    bytes32 requestId;
    bytes32 channel;
    bytes32 modelId;
    bytes32 requestHash;
    bytes32 responseHash;
    bytes32 commitment;
    bytes32 execution;
    uint256 flags;
    uint256 status;
    uint256 fee;
    uint256 cumulativeFee;
    uint256 deadline;
    uint256 index;
}

library Receipts {
    uint256 private constant BYTES = 13 * 32;

    /// The hash that stands in the log for this receipt. RFC 6962 section 2.1: leaves are hashed behind a zero byte.
    /// @dev Refuses what `decodeReceipt` refuses, so that a leaf has one reading in every language.
    function leaf(Receipt calldata receipt) internal view returns (bytes32 hash) {
        check(receipt);
        bool answered;
        assembly ("memory-safe") {
            // Behind all allocated memory, and forgotten afterwards: the struct's calldata is the thirteen words.
            let message := mload(0x40)
            mstore8(message, 0)
            calldatacopy(add(message, 1), receipt, BYTES)
            answered := staticcall(gas(), 0x02, message, add(BYTES, 1), 0x00, 0x20)
            hash := mload(0x00)
        }
        // SHA-256 fails for lack of gas only.
        if (!answered) revert ReceiptInvalid();
    }

    function check(Receipt calldata receipt) private pure {
        uint256 excess = (receipt.fee >> 128) | (receipt.cumulativeFee >> 128) | (receipt.deadline >> 64);
        excess |= receipt.index >> 48;
        if (excess != 0 || receipt.flags > ALL_FLAGS || receipt.status > STATUS_REFUSED) revert ReceiptInvalid();
    }
}
