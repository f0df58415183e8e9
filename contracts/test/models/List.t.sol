// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { ModelRegistry, Release, ReleaseKey, ReleaseStatus, Signature } from "../../src/models/ModelRegistry.sol";
import { Version, VersionNumberTooLarge } from "../../src/models/ReleaseVersion.sol";
import { ModelsWorld } from "./ModelsWorld.sol";

contract ListTest is ModelsWorld {
    function test_listsAReleaseForEver() external {
        Version memory v = Version(1, 2, 3);
        ReleaseKey memory key = keyOf(KEY);
        (Signature memory one, Signature memory two) = (release(KEY, "model"), listing(KEY, "model", "adder", v));
        vm.expectEmit();
        emit ModelRegistry.ReleaseListed(owner(), "model", sha256("adder"), key, "adder", v, 1_900_000_000);
        models.list(key, "adder", v, "model", one, two);

        vm.assertEq(models.modelIdOf(owner(), "adder", v), "model");
        Release memory found = models.releaseOf(owner(), "model");
        Release memory expected = Release("model", sha256("adder"), v, 1_900_000_000, ReleaseStatus.Active, 0);
        vm.assertEq(abi.encode(found), abi.encode(expected));
        vm.assertEq(abi.encode(models.latestOf(owner(), "adder")), abi.encode(expected));

        refusesList(KEY, "another model", "adder", v, ModelRegistry.VersionTaken.selector);
        refusesList(KEY, "model", "adder", Version(1, 2, 4), ModelRegistry.ReleaseListedBefore.selector);
        refusesList(KEY, "model", "adder", v, ModelRegistry.VersionTaken.selector);
    }

    /// A signed release is public. What a stranger cannot make is the owner's word on where it belongs.
    function test_aStrangerCannotPutASignedReleaseInAnothersPlace() external {
        ReleaseKey memory key = keyOf(KEY);
        Signature memory genuine = release(KEY, "model");
        Version memory meant = Version(1, 0, 0);
        Version memory wrong = Version(2, 0, 0);
        Signature memory place = listing(KEY, "model", "adder", meant);
        bytes4 why = ModelRegistry.ListingNotSigned.selector;
        vm.expectRevert(why);
        models.list(key, "adder", wrong, "model", genuine, place);
        vm.expectRevert(why);
        models.list(key, "adder-2", meant, "model", genuine, place);
        vm.expectRevert(why);
        models.list(key, "adder", meant, "model", genuine, genuine);
        Signature memory strangers = listing(STRANGERS_KEY, "model", "adder", meant);
        vm.expectRevert(why);
        models.list(key, "adder", meant, "model", genuine, strangers);
        Signature memory elsewhere = listingFor(KEY, block.chainid + 1, address(models), "model", "adder", meant);
        vm.expectRevert(why);
        models.list(key, "adder", meant, "model", genuine, elsewhere);
        elsewhere = listingFor(KEY, block.chainid, address(this), "model", "adder", meant);
        vm.expectRevert(why);
        models.list(key, "adder", meant, "model", genuine, elsewhere);

        models.list(key, "adder", meant, "model", genuine, place);
    }

    function test_theManifestIsSignedToo() external {
        Version memory v = Version(1, 0, 0);
        ReleaseKey memory key = keyOf(KEY);
        Signature memory place = listing(KEY, "model", "adder", v);
        Signature[3] memory wrong = [release(KEY, "another"), release(STRANGERS_KEY, "model"), release(KEY, "model")];
        wrong[2].s = bytes32(ORDER - uint256(wrong[2].s));
        for (uint256 i = 0; i < 3; i++) {
            vm.expectRevert(ModelRegistry.ReleaseNotSigned.selector);
            models.list(key, "adder", v, "model", wrong[i], place);
        }
        Signature memory high = place;
        high.s = bytes32(ORDER - uint256(high.s));
        Signature memory genuine = release(KEY, "model");
        vm.expectRevert(ModelRegistry.ListingNotSigned.selector);
        models.list(key, "adder", v, "model", genuine, high);
    }

    function test_anOwnersNamesAreItsOwn() external {
        Version memory v = Version(1, 0, 0);
        list(STRANGERS_KEY, "model", "adder", v);
        vm.assertEq(models.modelIdOf(owner(), "adder", v), 0);
        vm.assertEq(models.releaseOf(owner(), "model").modelId, 0);
        list(KEY, "model", "adder", v);
        vm.assertEq(models.modelIdOf(owner(), "adder", v), "model");
    }

    function test_theLatestIsTheGreatestAndNotTheLast() external {
        vm.assertEq(models.latestOf(owner(), "adder").modelId, 0);
        list(KEY, "a", "adder", Version(0, 0, 0));
        vm.assertEq(models.latestOf(owner(), "adder").modelId, "a");
        list(KEY, "b", "adder", Version(1, 10, 0));
        list(KEY, "c", "adder", Version(1, 9, 999_999_999));
        vm.assertEq(models.latestOf(owner(), "adder").modelId, "b");
        list(KEY, "d", "adder", Version(2, 0, 0));
        list(KEY, "e", "other", Version(3, 0, 0));
        vm.assertEq(models.latestOf(owner(), "adder").modelId, "d");
        vm.assertEq(models.versionCount(owner(), "adder"), 4);
        Release[] memory found = models.releasesOf(owner(), "adder", 1, 2);
        vm.assertEq(found.length, 2);
        vm.assertEq(found[0].modelId, "b");
        vm.assertEq(found[1].modelId, "c");
        vm.assertEq(models.releasesOf(owner(), "adder", 3, type(uint256).max).length, 1);
        vm.assertEq(models.releasesOf(owner(), "adder", 4, 1).length, 0);
    }

    function testFuzz_versionsAreOrderedByTheirNumbers(uint32[3] memory one, uint32[3] memory other) external {
        uint256 most = 999_999_999;
        Version[2] memory v;
        uint32[3][2] memory drawn = [one, other];
        for (uint256 i = 0; i < 2; i++) {
            v[i].major = uint32(bound(drawn[i][0], 0, i == 0 ? most : 3));
            v[i].minor = uint32(bound(drawn[i][1], 0, most));
            v[i].patch = uint32(bound(drawn[i][2], 0, most));
        }
        vm.assume(keccak256(abi.encode(v[0])) != keccak256(abi.encode(v[1])));
        list(KEY, "one", "adder", v[0]);
        list(KEY, "other", "adder", v[1]);
        bool first = v[0].major != v[1].major
            ? v[0].major > v[1].major
            : v[0].minor != v[1].minor ? v[0].minor > v[1].minor : v[0].patch > v[1].patch;
        Release memory found = models.latestOf(owner(), "adder");
        vm.assertEq(found.modelId, first ? bytes32("one") : bytes32("other"));
        vm.assertEq(abi.encode(found.version), abi.encode(first ? v[0] : v[1]));
    }

    function test_namesAndNumbersAreThoseOfManifests() external {
        bytes4 why = ModelRegistry.NameInvalid.selector;
        string[9] memory wrong = [
            "",
            "-a",
            "a-",
            "A",
            "a b",
            "a_b",
            "a.b",
            unicode"ä",
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm"
        ];
        for (uint256 i = 0; i < wrong.length; i++) {
            refusesList(KEY, "model", wrong[i], Version(1, 0, 0), why);
        }
        refusesList(KEY, 0, "adder", Version(1, 0, 0), ModelRegistry.ModelIdInvalid.selector);
        list(KEY, "a", "a", Version(1, 0, 0));
        list(KEY, "b", "0-z", Version(1, 0, 0));
        list(KEY, "c", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl", Version(1, 0, 0));
        bytes4 large = VersionNumberTooLarge.selector;
        refusesList(KEY, "model", "adder", Version(1_000_000_000, 0, 0), large);
        refusesList(KEY, "model", "adder", Version(0, 1_000_000_000, 0), large);
        refusesList(KEY, "model", "adder", Version(0, 0, type(uint32).max), large);
    }
}
