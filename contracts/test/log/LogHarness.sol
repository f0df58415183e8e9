// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Receipt, Receipts } from "../../src/log/Receipt.sol";
import { RequestHeader, Requests, ResponseHeader } from "../../src/log/Request.sol";
import { Subtree } from "../../src/log/Subtree.sol";
import { SignedHead, TreeHeads } from "../../src/log/TreeHead.sol";

/// The libraries of src/log as a contract.
contract LogHarness {
    function leaf(Receipt calldata receipt) external view returns (bytes32) {
        return Receipts.leaf(receipt);
    }

    function requestHash(RequestHeader calldata header, bytes32 bodyHash) external view returns (bytes32) {
        return Requests.requestHash(header, bodyHash);
    }

    function responseHash(ResponseHeader calldata header, bytes32 bodyHash) external view returns (bytes32) {
        return Requests.responseHash(header, bodyHash);
    }

    function headDigest(address settlement, bytes32 log, uint256 size, bytes32 root) external view returns (bytes32) {
        return TreeHeads.digest(settlement, log, size, root);
    }

    function isSigned(SignedHead calldata head, address settlement, bytes32 x, bytes32 y) external view returns (bool) {
        return TreeHeads.isSigned(head, settlement, x, y);
    }

    function isIn(uint256 level, uint256 index, bytes32 hash, bytes32[] calldata path, uint256 size, bytes32 root)
        external
        view
        returns (bool)
    {
        return Subtree.isIn(level, index, hash, path, size, root);
    }
}
