// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { ITrustPolicy } from "../../src/policy/ITrustPolicy.sol";
import { CpuMicrocode, HardwareRules, ProductFloors } from "../../src/policy/PolicyTypes.sol";
import { SnpDefaults } from "../../src/policy/SnpDefaults.sol";
import { Worker } from "../../src/registry/IWorkerRegistry.sol";
import { FakeRegistry } from "./FakeRegistry.sol";

/// Many questions in one call, for tests that run outside of forge.
contract AcceptsMany {
    FakeRegistry public immutable REGISTRY = new FakeRegistry();

    function set(Worker[] calldata workers) external {
        for (uint256 i = 0; i < workers.length; i++) {
            REGISTRY.set(bytes32(i), workers[i]);
        }
    }

    function accepted(ITrustPolicy policy, uint256 count) external view returns (bool[] memory verdicts) {
        verdicts = new bool[](count);
        for (uint256 i = 0; i < count; i++) {
            verdicts[i] = policy.accepts(bytes32(i));
        }
    }

    function defaults(uint48 expiresAt)
        external
        pure
        returns (HardwareRules memory, ProductFloors[] memory, CpuMicrocode[] memory)
    {
        return (SnpDefaults.hardware(expiresAt), SnpDefaults.floors(), SnpDefaults.microcode());
    }
}
