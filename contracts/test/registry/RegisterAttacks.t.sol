// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { AMD_SEV_SNP, AWS_NITRO, Evidence } from "../../src/evidence/IEvidenceVerifier.sol";
import { IdentityVersionUnknown, IdentityWordDirty } from "../../src/identity/WorkerIdentity.sol";
import { Revocations } from "../../src/registry/Revocations.sol";
import { Registration, WorkerRegistry } from "../../src/registry/WorkerRegistry.sol";
import { RegistryWorld } from "./RegistryWorld.sol";

contract RegisterAttacksTest is RegistryWorld {
    function test_aCopyIsOfNoUse() external {
        Registration memory made = honest(AWS_NITRO);
        vm.prank(STRANGER);
        vm.expectRevert(WorkerRegistry.CallerNotTheOperator.selector);
        registry.register(made);

        // The stranger's own identity words, with what it saw of the evidence.
        made.identity = identityOf(KEY, STRANGER);
        vm.prank(STRANGER);
        vm.expectRevert(WorkerRegistry.EvidenceOfAnotherIdentity.selector);
        registry.register(made);
    }

    function test_aChallengeOfAnotherOperatorIsNotAnswered() external {
        bytes32[10] memory words = identity();
        bytes32 challenge = registry.blockChallenge(STRANGER, BLOCK - 1);
        refuses(
            request(proofOf(AMD_SEV_SNP, words, challenge), words, BLOCK - 1, KEY),
            WorkerRegistry.EvidenceOfAnotherChallenge.selector
        );
    }

    function test_evidenceForAnotherChainOrRegistryIsRefused() external {
        bytes32[10] memory words = identity();
        words[5] = bytes32(block.chainid + 1);
        bytes32 challenge = registry.blockChallenge(OPERATOR, BLOCK - 1);
        Registration memory made = request(proofOf(AMD_SEV_SNP, words, challenge), words, BLOCK - 1, KEY);
        refuses(made, Revocations.IdentityOfAnotherChain.selector);

        made = honest(AMD_SEV_SNP);
        registry = deployed(settings());
        refuses(made, Revocations.IdentityOfAnotherRegistry.selector);
    }

    function test_challengesOfAnotherChainOrRegistryAreRefused() external {
        WorkerRegistry first = registry;
        registry = deployed(settings());
        bytes32[10] memory words = identity();
        bytes32 challenge = first.blockChallenge(OPERATOR, BLOCK - 1);
        bytes4 why = WorkerRegistry.EvidenceOfAnotherChallenge.selector;
        refuses(request(proofOf(AMD_SEV_SNP, words, challenge), words, BLOCK - 1, KEY), why);

        challenge = registry.blockChallenge(OPERATOR, BLOCK - 1);
        vm.chainId(77);
        words = identity();
        refuses(request(proofOf(AMD_SEV_SNP, words, challenge), words, BLOCK - 1, KEY), why);
    }

    function test_anImageCannotTakeAnotherWorkersSigner() external {
        register(honest(AWS_NITRO));
        bytes32[10] memory words = identityOf(KEY, STRANGER);
        bytes32 challenge = registry.blockChallenge(STRANGER, BLOCK - 1);
        Registration memory made = request(proofOf(AWS_NITRO, words, challenge), words, BLOCK - 1, OTHER_KEY);
        vm.prank(STRANGER);
        vm.expectRevert(WorkerRegistry.PossessionNotProven.selector);
        registry.register(made);
    }

    function test_possessionIsOfThisLogAndThisChallenge() external {
        Registration memory made = honest(AMD_SEV_SNP);
        (bytes32 r, bytes32 s) = (made.r, made.s);
        Evidence memory proven = abi.decode(made.evidence, (Evidence));
        for (uint256 i = 0; i < 3; i++) {
            bytes32 digest = sha256(
                abi.encode(
                    i == 0 ? bytes32("proofmark revoke v1") : bytes32("proofmark register v1"),
                    i == 1 ? bytes32("another log") : proven.identity,
                    i == 2 ? bytes32("another challenge") : proven.challenge
                )
            );
            (made.r, made.s) = signed(KEY, digest);
            refuses(made, WorkerRegistry.PossessionNotProven.selector);
        }
        (made.r, made.s) = (r, s);
        register(made);
    }

    function test_highSIsRefused() external {
        Registration memory made = honest(AMD_SEV_SNP);
        made.s = bytes32(ORDER - uint256(made.s));
        refuses(made, WorkerRegistry.PossessionNotProven.selector);
    }

    function test_aSignerOffTheCurveIsRefused() external {
        bytes32[10] memory words = identity();
        words[2] = bytes32(uint256(words[2]) ^ 1);
        bytes32 challenge = registry.blockChallenge(OPERATOR, BLOCK - 1);
        Registration memory made = request(proofOf(AMD_SEV_SNP, words, challenge), words, BLOCK - 1, KEY);
        refuses(made, WorkerRegistry.SignerNotOnCurve.selector);
    }

    function test_wordsHaveOneSpelling() external {
        for (uint256 i = 0; i < 3; i++) {
            uint256 word = [uint256(4), 6, 7][i];
            Registration memory made = honest(AMD_SEV_SNP);
            made.identity[word] = bytes32(uint256(made.identity[word]) | (1 << 160));
            vm.prank(OPERATOR);
            vm.expectRevert(abi.encodeWithSelector(IdentityWordDirty.selector, word));
            registry.register(made);
        }
        for (uint256 i = 0; i < 3; i++) {
            Registration memory made = honest(AMD_SEV_SNP);
            made.identity[0] = bytes32([uint256(0), 2, (1 << 32) + 1][i]);
            refuses(made, IdentityVersionUnknown.selector);
        }
    }

    function testFuzz_anyOtherBitIsAnotherIdentity(uint256 word, uint256 bit) external {
        Registration memory made = honest(AWS_NITRO);
        word = bound(word, 0, 9);
        made.identity[word] = bytes32(uint256(made.identity[word]) ^ (1 << bound(bit, 0, 255)));
        vm.prank(OPERATOR);
        vm.expectRevert();
        registry.register(made);
    }

    function test_nitroBindsTheSignerAndTheConfiguration() external {
        Registration memory made = honest(AWS_NITRO);
        Evidence memory proven = abi.decode(made.evidence, (Evidence));
        bytes32 publicKey = proven.publicKey;
        proven.publicKey = keccak256("another key");
        made.evidence = abi.encode(proven);
        refuses(made, WorkerRegistry.PublicKeyNotTheSigner.selector);
        proven.publicKey = 0;
        made.evidence = abi.encode(proven);
        refuses(made, WorkerRegistry.PublicKeyNotTheSigner.selector);

        proven.publicKey = publicKey;
        proven.configRegister = keccak256(new bytes(48));
        made.evidence = abi.encode(proven);
        refuses(made, WorkerRegistry.ConfigurationNotMeasured.selector);
    }

    function test_evidenceIsOfTheHardwareThatWasNamed() external {
        Registration memory made = honest(AWS_NITRO);
        made.tee = AMD_SEV_SNP;
        refuses(made, WorkerRegistry.EvidenceOfOtherHardware.selector);
        made.tee = "intel-tdx";
        refuses(made, WorkerRegistry.HardwareUnknown.selector);
    }
}
