// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { HeadKey, IWorkerRegistry, Worker } from "../../src/registry/IWorkerRegistry.sol";

/// Says what a test wants of a worker, out of storage as a real registry does.
contract FakeRegistry is IWorkerRegistry {
    mapping(bytes32 log => Worker) private workers;

    function set(bytes32 log, Worker calldata worker) external {
        workers[log] = worker;
    }

    function workerOf(bytes32 log) external view returns (Worker memory) {
        return workers[log];
    }

    function headKeyOf(bytes32) external pure returns (HeadKey memory key) {
        return key;
    }

    function operatorOf(bytes32 log) external view returns (address) {
        return workers[log].operator;
    }

    function isLive(bytes32 log) external view returns (bool) {
        return block.timestamp < workers[log].expiresAt;
    }

    function revokeEquivocating(bytes32) external { }
}
