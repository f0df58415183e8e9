// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { ModelRegistry, ReleaseKey, ReleaseStatus, Signature } from "../../src/models/ModelRegistry.sol";
import { Version } from "../../src/models/ReleaseVersion.sol";
import { ModelsWorld } from "./ModelsWorld.sol";

contract StatusTest is ModelsWorld {
    function test_statusesOnlyGoForward() external {
        list(KEY, "model", "adder", Version(1, 0, 0));
        ReleaseKey memory key = keyOf(KEY);
        Signature memory yanked = status(KEY, "model", ReleaseStatus.Yanked, 5);
        vm.expectEmit();
        emit ModelRegistry.ReleaseStatusStated(owner(), "model", key, ReleaseStatus.Yanked, 5);
        models.stateStatus(key, "model", ReleaseStatus.Yanked, 5, yanked);
        vm.assertEq(uint256(models.latestOf(owner(), "adder").status), uint256(ReleaseStatus.Yanked));

        bytes4 why = ModelRegistry.SequenceNotGreater.selector;
        for (uint64 sequence = 4; sequence <= 5; sequence++) {
            Signature memory old = status(KEY, "model", ReleaseStatus.Active, sequence);
            vm.expectRevert(why);
            models.stateStatus(key, "model", ReleaseStatus.Active, sequence, old);
        }
        models.stateStatus(key, "model", ReleaseStatus.Deprecated, 6, status(KEY, "model", ReleaseStatus.Deprecated, 6));
        vm.assertEq(uint256(models.releaseOf(owner(), "model").status), uint256(ReleaseStatus.Deprecated));
        vm.assertEq(models.releaseOf(owner(), "model").sequence, 6);
    }

    function test_sequencesBeginWithOne() external {
        ReleaseKey memory key = keyOf(KEY);
        Signature memory zero = status(KEY, "model", ReleaseStatus.Yanked, 0);
        vm.expectRevert(ModelRegistry.SequenceNotGreater.selector);
        models.stateStatus(key, "model", ReleaseStatus.Yanked, 0, zero);
    }

    function test_aStatusIsOfItsModelItsOwnerAndItsNumbers() external {
        ReleaseKey memory key = keyOf(KEY);
        Signature[5] memory wrong = [
            status(KEY, "another", ReleaseStatus.Yanked, 1),
            status(STRANGERS_KEY, "model", ReleaseStatus.Yanked, 1),
            status(KEY, "model", ReleaseStatus.Deprecated, 1),
            status(KEY, "model", ReleaseStatus.Yanked, 2),
            status(KEY, "model", ReleaseStatus.Yanked, 1)
        ];
        wrong[4].s = bytes32(ORDER - uint256(wrong[4].s));
        for (uint256 i = 0; i < 5; i++) {
            vm.expectRevert(ModelRegistry.StatusNotSigned.selector);
            models.stateStatus(key, "model", ReleaseStatus.Yanked, 1, wrong[i]);
        }
        // A stranger's word on the owner's model is kept as the stranger's.
        models.stateStatus(keyOf(STRANGERS_KEY), "model", ReleaseStatus.Yanked, 1, wrong[1]);
        vm.assertEq(models.releaseOf(owner(), "model").sequence, 0);
    }

    function test_whatIsYankedBeforehandIsListedAsYanked() external {
        Signature memory yanked = status(KEY, "model", ReleaseStatus.Yanked, 1);
        models.stateStatus(keyOf(KEY), "model", ReleaseStatus.Yanked, 1, yanked);
        list(KEY, "model", "adder", Version(1, 0, 0));
        vm.assertEq(uint256(models.latestOf(owner(), "adder").status), uint256(ReleaseStatus.Yanked));
    }

    function test_statusesAreThree() external {
        bytes memory call = abi.encodeWithSelector(
            ModelRegistry.stateStatus.selector,
            keyOf(KEY),
            bytes32("model"),
            uint256(3),
            uint256(1),
            uint256(0),
            uint256(0)
        );
        (bool done, bytes memory why) = address(models).call(call);
        vm.assertFalse(done);
        // The decoder's refusal, before any signature is looked at.
        vm.assertEq(why.length, 0);
    }
}
