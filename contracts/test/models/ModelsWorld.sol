// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { ModelRegistry, ReleaseKey, ReleaseStatus, Signature } from "../../src/models/ModelRegistry.sol";
import { Version } from "../../src/models/ReleaseVersion.sol";
import { Test } from "../support/Test.sol";

/// A registry of releases, and owners with real signatures.
abstract contract ModelsWorld is Test {
    uint256 internal constant ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;
    uint256 internal constant KEY = 0x0e1ea5e;
    uint256 internal constant STRANGERS_KEY = 0x57a;

    ModelRegistry internal models;

    function setUp() public virtual {
        vm.warp(1_900_000_000);
        bytes memory code = vm.getCode("ModelRegistry.sol:ModelRegistry");
        address at;
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
        }
        models = ModelRegistry(at);
    }

    function keyOf(uint256 key) internal pure returns (ReleaseKey memory) {
        (uint256 x, uint256 y) = vm.publicKeyP256(key);
        return ReleaseKey(bytes32(x), bytes32(y));
    }

    function signed(uint256 key, bytes memory message) internal pure returns (Signature memory) {
        (bytes32 r, bytes32 s) = vm.signP256(key, sha256(message));
        if (uint256(s) > ORDER / 2) s = bytes32(ORDER - uint256(s));
        return Signature(r, s);
    }

    function release(uint256 key, bytes32 modelId) internal pure returns (Signature memory) {
        return signed(key, abi.encode(bytes32("proofmark release v1"), modelId));
    }

    function listing(uint256 key, bytes32 modelId, string memory name, Version memory v)
        internal
        view
        returns (Signature memory)
    {
        return listingFor(key, block.chainid, address(models), modelId, name, v);
    }

    function listingFor(
        uint256 key,
        uint256 chainId,
        address registry,
        bytes32 modelId,
        string memory name,
        Version memory v
    ) internal pure returns (Signature memory) {
        bytes memory place = abi.encode(bytes32("proofmark listing v1"), chainId, registry);
        bytes memory what = abi.encode(modelId, sha256(bytes(name)), v.major, v.minor, v.patch);
        return signed(key, abi.encodePacked(place, what));
    }

    function list(uint256 key, bytes32 modelId, string memory name, Version memory v) internal {
        models.list(keyOf(key), name, v, modelId, release(key, modelId), listing(key, modelId, name, v));
    }

    function refusesList(uint256 key, bytes32 modelId, string memory name, Version memory v, bytes4 why) internal {
        ReleaseKey memory named = keyOf(key);
        (Signature memory one, Signature memory two) = (release(key, modelId), listing(key, modelId, name, v));
        vm.expectRevert(why);
        models.list(named, name, v, modelId, one, two);
    }

    function owner() internal view returns (bytes32) {
        return models.ownerOf(keyOf(KEY));
    }

    function status(uint256 key, bytes32 modelId, ReleaseStatus value, uint64 sequence)
        internal
        pure
        returns (Signature memory)
    {
        return signed(key, abi.encode(bytes32("proofmark status v1"), modelId, uint256(value), uint256(sequence)));
    }
}
