// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { ChangeKind, Loosens, ManagedPolicy } from "../../src/policy/ManagedPolicy.sol";
import { Standing, Subject } from "../../src/policy/PolicyTypes.sol";
import { Worker } from "../../src/registry/IWorkerRegistry.sol";
import { PolicyFixture } from "./PolicyFixture.sol";

/// A managed policy, and the words of its owner.
abstract contract ManagedFixture is PolicyFixture {
    address internal constant OWNER = address(0x0a);
    address internal constant STRANGER = address(0x0b);
    uint256 internal constant DELAY = 3 days;
    bytes32 internal constant OTHER = "another image";

    ManagedPolicy internal policy;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        policy = newManaged(standardSetup(), OWNER, DELAY);
    }

    function standing(Subject subject, bytes32 id, Standing next, bytes32 provenance)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encode(subject, id, next, provenance);
    }

    function acceptance(bytes32 image) internal pure returns (bytes memory) {
        return standing(Subject.Image, image, Standing.Accepted, PROVENANCE);
    }

    function denial(Subject subject, bytes32 id) internal pure returns (bytes memory) {
        return standing(subject, id, Standing.Denied, 0);
    }

    function propose(ChangeKind kind, bytes memory content) internal returns (bytes32) {
        vm.prank(OWNER);
        return policy.propose(kind, content);
    }

    function tighten(ChangeKind kind, bytes memory content) internal {
        vm.prank(OWNER);
        policy.tighten(kind, content);
    }

    function loosened(ChangeKind kind, bytes memory content) internal {
        propose(kind, content);
        vm.warp(block.timestamp + DELAY);
        vm.prank(STRANGER);
        policy.activate(kind, content);
    }

    function refusedToTighten(ChangeKind kind, bytes memory content) internal {
        vm.prank(OWNER);
        vm.expectRevert(Loosens.selector);
        policy.tighten(kind, content);
    }

    function accepted(Worker memory worker) internal returns (bool) {
        registry.set(LOG, worker);
        return policy.accepts(LOG);
    }

    function withImage(bytes32 image) internal pure returns (Worker memory worker) {
        worker = genoa();
        worker.image = image;
    }
}
