// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { AMD_SEV_SNP, Evidence, IEvidenceVerifier } from "../../src/evidence/IEvidenceVerifier.sol";
import { Registration, WorkerRegistry } from "../../src/registry/WorkerRegistry.sol";
import { Settlement } from "../../src/settlement/Settlement.sol";
import { RealWorld } from "../real/RealWorld.sol";
import { StubEvidenceVerifier } from "../registry/StubEvidenceVerifier.sol";
import { SettlementHandler } from "./SettlementHandler.sol";
import { StubRegistry } from "./StubRegistry.sol";
import { TestToken } from "./TestTokens.sol";

/// Verifiers and a registry at the addresses that committed evidence names, and workers of its operator.
contract RealDeployment is RealWorld {
    bytes32 private constant REGISTER_TAG = "proofmark register v1";
    uint256 private constant ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;

    constructor() {
        setUpWorld();
    }

    function parts() external view returns (WorkerRegistry, address settlement) {
        return (registry, addressIn(".settlement"));
    }

    function deployAs(string calldata artifact, bytes calldata arguments) external returns (address) {
        return deploy(artifact, arguments);
    }

    function registerByEvidence(uint256 worker) external returns (bytes32 log, uint256 key) {
        return (register(worker), keys[worker]);
    }

    /// By the verifier that believes everything.
    function registerByWord(uint256 key) external returns (bytes32 log) {
        bytes32[10] memory words = wordsOf(key);
        Evidence memory evidence;
        evidence.tee = AMD_SEV_SNP;
        evidence.simulated = true;
        evidence.image = "image";
        evidence.identity = sha256(abi.encodePacked(bytes32("proofmark identity v1"), words));
        evidence.challenge = registry.blockChallenge(operator, block.number - 1);
        Registration memory sent;
        sent.tee = AMD_SEV_SNP;
        sent.identity = words;
        sent.evidence = abi.encode(evidence);
        sent.challengeBlock = block.number - 1;
        (sent.r, sent.s) = vm.signP256(key, sha256(abi.encode(REGISTER_TAG, evidence.identity, evidence.challenge)));
        if (uint256(sent.s) > ORDER / 2) sent.s = bytes32(ORDER - uint256(sent.s));
        vm.prank(operator);
        return registry.register(sent);
    }

    /// Committed evidence is of one day, and campaigns go on for weeks.
    function snpVerifier() internal override returns (IEvidenceVerifier) {
        return new StubEvidenceVerifier(true);
    }

    function wordsOf(uint256 key) private view returns (bytes32[10] memory words) {
        (uint256 x, uint256 y) = vm.publicKeyP256(key);
        words[0] = bytes32(uint256(1));
        words[1] = bytes32(x);
        words[2] = bytes32(y);
        words[3] = "seal key";
        words[4] = bytes32(uint256(uint160(operator)));
        words[5] = bytes32(block.chainid);
        words[6] = bytes32(uint256(uint160(address(registry))));
        words[7] = bytes32(uint256(uint160(addressIn(".settlement"))));
        words[8] = "config";
        words[9] = "runtime";
    }
}

/**
 * The campaign before the real registry. The first worker is registered by evidence that NitroVerifier verifies; those
 * after it, for whose days there is no committed evidence, by a verifier that believes everything.
 */
contract RealSettlementHandler is SettlementHandler {
    uint256 private firstKey;
    RealDeployment private deployment;

    function deploy() internal override {
        deployment = RealDeployment(made("RealSettlementHandler.sol:RealDeployment", ""));
        (WorkerRegistry workers, address named) = deployment.parts();
        registry = StubRegistry(address(workers));
        token = TestToken(deployment.deployAs("TestTokens.sol:TestToken", ""));
        bytes memory arguments = abi.encode(token, workers, CLOSE_DELAY);
        settlement = Settlement(deployment.deployAs("Settlement.sol:Settlement", arguments));
        vm.assertEq(address(settlement), named);
        deployNamed();
    }

    function registerNext(uint256 which) internal override returns (bytes32 log) {
        if (which != 0) return deployment.registerByWord(keyOf(which));
        (log, firstKey) = deployment.registerByEvidence(0);
    }

    function keyOf(uint256 which) internal view override returns (uint256) {
        return which == 0 ? firstKey : 0x1000 + which;
    }
}
