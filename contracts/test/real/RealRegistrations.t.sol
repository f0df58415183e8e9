// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Worker } from "../../src/registry/IWorkerRegistry.sol";
import { Registration, WorkerRegistry } from "../../src/registry/WorkerRegistry.sol";
import { Console } from "../support/Console.sol";
import { RealWorld } from "./RealWorld.sol";

/// Whoever may touch a registry: the operator with genuine evidence, and others with what they can make of it.
contract RealHandler is RealWorld {
    bytes32 private constant REVOKE_TAG = "proofmark revoke v1";
    uint256 private constant ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;

    mapping(bytes32 log => bool) public wasRegistered;
    mapping(bytes32 log => bool) public wasRevoked;
    uint256 public registrations;
    uint256 public refusals;

    constructor() {
        setUpWorld();
        // The one that brings the authorities' signatures; the others find them remembered.
        note(register(0));
    }

    function target() external view returns (WorkerRegistry) {
        return registry;
    }

    function logAt(uint256 worker) external view returns (bytes32) {
        return logs[worker];
    }

    function registerGenuine(uint256 seed) external {
        uint256 worker = seed % WORKERS;
        bytes32 log = logs[worker];
        bool possible = !wasRegistered[log] && !wasRevoked[log];
        Registration memory registration = registrationOf(worker);
        vm.prank(operator);
        try registry.register(registration) returns (bytes32 registered) {
            vm.assertTrue(possible, "registered twice, or after its end");
            vm.assertEq(registered, log);
            note(log);
        } catch {
            vm.assertFalse(possible);
            refusals++;
        }
    }

    /// A byte of the document, of its hints, of the words or of the signature.
    function registerDamaged(uint256 seed, uint256 at, uint8 change) external {
        if (change == 0) change = 1;
        Registration memory registration = registrationOf(seed % WORKERS);
        uint256 part = seed / WORKERS % 4;
        if (part == 0) {
            flip(registration.evidence, at, change);
        } else if (part == 1) {
            // The last entry's hints are of the document's own signature, which no cache makes superfluous.
            flip(registration.hints, registration.hints.length - 1 - at % 10_000, change);
        } else if (part == 2) {
            registration.identity[at % 10] ^= bytes32(uint256(change) << (8 * (at / 10 % 32)));
        } else {
            registration.s ^= bytes32(uint256(change) << (8 * (at % 32)));
        }
        vm.prank(operator);
        refused(registration);
    }

    function registerCopied(uint256 seed, address thief) external {
        if (thief == operator) thief = address(1);
        Registration memory registration = registrationOf(seed % WORKERS);
        vm.prank(thief);
        refused(registration);
    }

    /// Hints of another worker's document.
    function registerWithForeignHints(uint256 seed) external {
        Registration memory registration = registrationOf(seed % WORKERS);
        registration.hints = registrationOf((seed % WORKERS + 1) % WORKERS).hints;
        vm.prank(operator);
        refused(registration);
    }

    function revoke(uint256 seed) external {
        // One of three, so that workers are left to register.
        if (seed % 3 != 0) return;
        uint256 worker = seed / 3 % WORKERS;
        bytes32 log = logs[worker];
        bytes32[10] memory identity = registrationOf(worker).identity;
        bytes32 digest = sha256(abi.encode(REVOKE_TAG, block.chainid, address(registry), log));
        (bytes32 r, bytes32 s) = vm.signP256(keys[worker], digest);
        if (uint256(s) > ORDER / 2) s = bytes32(ORDER - uint256(s));
        try registry.revokeBySigner(identity, r, s) {
            vm.assertFalse(wasRevoked[log]);
            wasRevoked[log] = true;
        } catch {
            vm.assertTrue(wasRevoked[log], "a signer could not revoke its own log");
        }
    }

    /// Well inside the five minutes that a document may be old.
    function wait(uint8 time) external {
        vm.warp(vm.parseJsonUint(file, ".now") + time);
    }

    function note(bytes32 log) private {
        wasRegistered[log] = true;
        registrations++;
    }

    function refused(Registration memory registration) private {
        try registry.register(registration) {
            vm.assertTrue(false, "registered what is not genuine");
        } catch {
            refusals++;
        }
    }

    function flip(bytes memory data, uint256 at, uint8 change) private pure {
        data[at % data.length] ^= bytes1(change);
    }
}

/// Every registration of this campaign is verified in full: chain, document, hints.
contract RealRegistrationsTest is RealWorld {
    RealHandler private handler;

    function setUp() external {
        handler = new RealHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// forge-config: default.invariant.runs = 8
    /// forge-config: default.invariant.depth = 32
    /// forge-config: long.invariant.runs = 8
    /// forge-config: long.invariant.depth = 32
    function invariant_stands_what_was_proven_and_nothing_else() external view {
        WorkerRegistry target = handler.target();
        for (uint256 i = 0; i < WORKERS; i++) {
            bytes32 log = handler.logAt(i);
            Worker memory worker = target.workerOf(log);
            vm.assertEq(worker.registeredAt != 0, handler.wasRegistered(log));
            vm.assertEq(worker.revokedAt != 0, handler.wasRevoked(log));
            vm.assertEq(target.isLive(log), handler.wasRegistered(log) && !handler.wasRevoked(log));
            if (worker.registeredAt == 0) continue;
            vm.assertEq(worker.tee, bytes32("aws-nitro"));
            vm.assertTrue(worker.simulated);
            vm.assertEq(worker.certificates.length, 5);
        }
    }

    function afterInvariant() external view {
        Console.log("registered by evidence", handler.registrations());
        Console.log("refused", handler.refusals());
    }
}
