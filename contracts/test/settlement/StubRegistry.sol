// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { HeadKey, IWorkerRegistry, Worker } from "../../src/registry/IWorkerRegistry.sol";

/// A registry that believes whoever tells it, with the storage of a real one: tests choose who is registered.
contract StubRegistry is IWorkerRegistry {
    struct Entry {
        address settlement;
        uint48 expiresAt;
        uint48 revokedAt;
        bytes32 signerX;
        bytes32 signerY;
        address operator;
    }

    mapping(bytes32 log => Entry) private entries;

    error NotTheSettlement();

    function put(bytes32 log, address settlement, uint48 expiresAt, bytes32 x, bytes32 y, address operator) external {
        require(entries[log].revokedAt == 0, "tombstone");
        entries[log] = Entry(settlement, expiresAt, 0, x, y, operator);
    }

    function revoke(bytes32 log) external {
        mark(log);
    }

    function revokeEquivocating(bytes32 log) external {
        if (msg.sender != entries[log].settlement) revert NotTheSettlement();
        mark(log);
    }

    function mark(bytes32 log) private {
        if (entries[log].revokedAt == 0) entries[log].revokedAt = uint48(block.timestamp);
    }

    function workerOf(bytes32 log) external view returns (Worker memory worker) {
        worker.operator = entries[log].operator;
        worker.expiresAt = entries[log].expiresAt;
        worker.revokedAt = entries[log].revokedAt;
    }

    function headKeyOf(bytes32 log) external view returns (HeadKey memory) {
        Entry storage entry = entries[log];
        return HeadKey(entry.signerX, entry.signerY, entry.settlement, entry.expiresAt, entry.revokedAt);
    }

    function operatorOf(bytes32 log) external view returns (address) {
        return entries[log].operator;
    }

    function isLive(bytes32 log) external view returns (bool) {
        return block.timestamp <= entries[log].expiresAt && entries[log].revokedAt == 0;
    }
}
