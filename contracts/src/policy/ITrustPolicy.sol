// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// Which workers somebody relies on. The requester names the policy it wants; nobody is bound by another's.
interface ITrustPolicy {
    /// Whether the log's worker is one that this policy accepts now. Says nothing about expiry or revocation, which whoever
    /// asks also asks of the registry.
    function accepts(bytes32 log) external view returns (bool);

    /// Whether answers that were computed in this way (`execution` of a receipt) are accepted.
    function acceptsExecution(bytes32 execution) external view returns (bool);
}
