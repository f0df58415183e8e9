// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { AMD_SEV_SNP, AWS_NITRO, SnpPlatform, SnpProduct, SnpSigner } from "../../src/evidence/IEvidenceVerifier.sol";
import { ImageListPolicy } from "../../src/policy/ImageListPolicy.sol";
import { ManagedPolicy } from "../../src/policy/ManagedPolicy.sol";
import { Allowed, AllowedImage, PolicySetup } from "../../src/policy/PolicyTypes.sol";
import { SnpDefaults } from "../../src/policy/SnpDefaults.sol";
import { Worker } from "../../src/registry/IWorkerRegistry.sol";
import { Test } from "../support/Test.sol";
import { FakeRegistry } from "./FakeRegistry.sol";

/// A policy of one name each, and workers that it accepts.
abstract contract PolicyFixture is Test {
    bytes32 internal constant IMAGE = "image";
    bytes32 internal constant PROVENANCE = "provenance";
    bytes32 internal constant CONFIG = "config";
    bytes32 internal constant RUNTIME = "runtime";
    bytes32 internal constant EXECUTION = "execution";
    bytes32 internal constant PLATFORM = "platform";
    bytes32 internal constant CLOUD = "cloud";
    bytes32 internal constant LOG = "log";
    address internal constant OPERATOR = address(0x0bee);
    uint48 internal constant END = 2_000_000_000;

    FakeRegistry internal registry = new FakeRegistry();

    function newList(PolicySetup memory setup) internal returns (ImageListPolicy) {
        return ImageListPolicy(create("ImageListPolicy.sol:ImageListPolicy", abi.encode(setup)));
    }

    function newManaged(PolicySetup memory setup, address owner, uint256 delay) internal returns (ManagedPolicy) {
        return ManagedPolicy(create("ManagedPolicy.sol:ManagedPolicy", abi.encode(setup, owner, delay)));
    }

    /// `new` would carry the policy's code in the test's own, which EIP-170 bounds.
    function create(string memory artifact, bytes memory arguments) private returns (address created) {
        bytes memory code = abi.encodePacked(vm.getCode(artifact), arguments);
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), mload(code))
            if iszero(created) {
                let pointer := mload(0x40)
                returndatacopy(pointer, 0, returndatasize())
                revert(pointer, returndatasize())
            }
        }
    }

    function standardSetup() internal view returns (PolicySetup memory setup) {
        setup.registry = registry;
        setup.images = new AllowedImage[](1);
        setup.images[0] = AllowedImage(IMAGE, PROVENANCE);
        setup.configs = one(CONFIG);
        setup.runtimes = one(RUNTIME);
        setup.executions = one(EXECUTION);
        setup.operators = one(bytes32(uint256(uint160(OPERATOR))));
        setup.platforms = Allowed(true, new bytes32[](0));
        setup.clouds = one(CLOUD);
        setup.hardware = SnpDefaults.hardware(END);
        setup.floors = SnpDefaults.floors();
        setup.microcode = SnpDefaults.microcode();
    }

    function one(bytes32 id) internal pure returns (Allowed memory allowed) {
        allowed.ids = new bytes32[](1);
        allowed.ids[0] = id;
    }

    function nitro() internal pure returns (Worker memory worker) {
        worker.tee = AWS_NITRO;
        worker.image = IMAGE;
        worker.config = CONFIG;
        worker.runtime = RUNTIME;
        worker.operator = OPERATOR;
        worker.platformId = PLATFORM;
        worker.certificates = certificates(5);
        worker.registeredAt = 1;
        worker.expiresAt = END;
    }

    /// A Genoa, model 17, stepping 1, exactly at every minimum.
    function genoa() internal pure returns (Worker memory worker) {
        worker = nitro();
        worker.tee = AMD_SEV_SNP;
        worker.certificates = certificates(3);
        uint64 tcb = 0x0a00_0000_0000_1b54;
        worker.snp = SnpPlatform({
            product: SnpProduct.Genoa,
            signer: SnpSigner.Vcek,
            reportVersion: 3,
            vmpl: 0,
            cpu: 0x19_11_01,
            guestSvn: 0,
            guestPolicy: 0x3_0000,
            platformInfo: 0x25,
            reportedTcb: tcb,
            committedTcb: tcb,
            currentTcb: tcb,
            launchTcb: tcb,
            cloud: 0
        });
    }

    function certificates(uint256 count) internal pure returns (bytes32[] memory result) {
        result = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            result[i] = certificate(i);
        }
    }

    function certificate(uint256 index) internal pure returns (bytes32) {
        return keccak256(abi.encode("certificate", index));
    }
}
