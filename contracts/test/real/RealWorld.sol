// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { IEvidenceVerifier } from "../../src/evidence/IEvidenceVerifier.sol";
import { NitroVerifier } from "../../src/nitro/NitroVerifier.sol";
import { Registration, RegistrySettings, WorkerRegistry } from "../../src/registry/WorkerRegistry.sol";
import { Test } from "../support/Test.sol";

/**
 * The contracts as they are deployed, nothing stubbed, and workers that are registered by evidence: documents of the
 * published test root with their hints, from a file that test/contracts/fixtures/registrations.ts writes. Documents name
 * their registry, so everything stands at the addresses that the file was made for.
 */
abstract contract RealWorld is Test {
    uint256 internal constant WORKERS = 8;
    uint256 internal constant LIFETIME = 24 hours;

    string internal file;
    address internal deployer;
    address internal operator;
    NitroVerifier internal nitro;
    WorkerRegistry internal registry;
    bytes32[WORKERS] internal logs;
    uint256[WORKERS] internal keys;

    function setUpWorld() internal {
        file = vm.readFile("./test/fixtures/registrations.json");
        deployer = addressIn(".deployer");
        operator = addressIn(".operator");
        uint256 number = vm.parseJsonUint(file, ".blockNumber");
        vm.chainId(vm.parseJsonUint(file, ".chainId"));
        vm.warp(vm.parseJsonUint(file, ".now"));
        vm.roll(number + 1);
        vm.setBlockhash(number, abi.decode(vm.parseJson(file, ".blockHash"), (bytes32)));
        deployEvidence();
        for (uint256 i = 0; i < WORKERS; i++) {
            logs[i] = abi.decode(vm.parseJson(file, place(i, "log")), (bytes32));
            keys[i] = vm.parseJsonUint(file, place(i, "privateKey"));
        }
    }

    function registrationOf(uint256 worker) internal view returns (Registration memory) {
        string memory name = string.concat("./test/fixtures/registration-", digit(worker), ".hex");
        return abi.decode(vm.parseBytes(vm.readFile(name)), (Registration));
    }

    function register(uint256 worker) internal returns (bytes32) {
        Registration memory registration = registrationOf(worker);
        vm.prank(operator);
        return registry.register(registration);
    }

    /// By the deployer, whose nonce decides the address.
    function deploy(string memory artifact, bytes memory arguments) internal returns (address at) {
        bytes memory code = abi.encodePacked(vm.getCode(artifact), arguments);
        vm.prank(deployer);
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
        }
        vm.assertTrue(at != address(0), artifact);
    }

    /// Evidence says whose hardware it is of, so that Nitro's never passes for SEV-SNP's.
    function snpVerifier() internal virtual returns (IEvidenceVerifier) {
        return nitro;
    }

    function addressIn(string memory key) internal view returns (address) {
        return abi.decode(vm.parseJson(file, key), (address));
    }

    function deployEvidence() private {
        address engine = deploy("Sha384Engine.sol:Sha384Engine", "");
        address low = deploy("P384TableLow.sol:P384TableLow", "");
        address high = deploy("P384TableHigh.sol:P384TableHigh", "");
        address p384 = deploy("P384Verifier.sol:P384Verifier", abi.encode(low, high));
        bytes memory root = vm.parseJsonBytes(file, ".root");
        nitro = NitroVerifier(deploy("NitroVerifier.sol:NitroVerifier", abi.encode(engine, p384, root)));
        RegistrySettings memory settings = RegistrySettings({
            nitro: nitro,
            snp: snpVerifier(),
            sha384: engine,
            lifetime: LIFETIME,
            challengeBlocks: 200,
            maxAge: 5 minutes,
            maxSkew: 1 minutes
        });
        registry = WorkerRegistry(deploy("WorkerRegistry.sol:WorkerRegistry", abi.encode(settings)));
        vm.assertEq(address(registry), addressIn(".registry"));
    }

    function place(uint256 worker, string memory field) private pure returns (string memory) {
        return string.concat(".workers[", digit(worker), "].", field);
    }

    function digit(uint256 worker) private pure returns (string memory) {
        return string(abi.encodePacked(bytes1(uint8(0x30 + worker))));
    }
}
