// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {
    AMD_SEV_SNP,
    AWS_NITRO,
    Evidence,
    IEvidenceVerifier,
    SnpProduct,
    SnpSigner
} from "../../src/evidence/IEvidenceVerifier.sol";
import { Digest384, Sha384 } from "../../src/hash/Sha384.sol";
import { SignedHead } from "../../src/log/TreeHead.sol";
import { Registration, RegistrySettings, WorkerRegistry } from "../../src/registry/WorkerRegistry.sol";
import { Test } from "../support/Test.sol";
import { StubEvidenceVerifier } from "./StubEvidenceVerifier.sol";

/// A registry behind verifiers that believe everything, and workers with real signatures.
abstract contract RegistryWorld is Test {
    uint256 internal constant ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;
    uint256 internal constant KEY = 0x5eed;
    uint256 internal constant OTHER_KEY = 0x0dd;
    address internal constant OPERATOR = address(0x09e7a7);
    address internal constant STRANGER = address(0x57a5);
    address internal constant SETTLEMENT = address(0x5e77);
    uint256 internal constant NOW = 1_900_000_000;
    uint256 internal constant BLOCK = 5_000_000;
    uint256 internal constant LIFETIME = 24 hours;
    uint256 internal constant CHALLENGE_BLOCKS = 200;
    uint256 internal constant MAX_AGE = 5 minutes;
    uint256 internal constant MAX_SKEW = 1 minutes;

    address internal engine;
    WorkerRegistry internal registry;

    function setUp() public virtual {
        vm.warp(NOW);
        vm.roll(BLOCK);
        engine = made("Sha384Engine.sol:Sha384Engine", "");
        registry = deployed(settings());
    }

    function settings() internal returns (RegistrySettings memory) {
        return RegistrySettings({
            nitro: new StubEvidenceVerifier(true),
            snp: new StubEvidenceVerifier(false),
            sha384: engine,
            lifetime: LIFETIME,
            challengeBlocks: CHALLENGE_BLOCKS,
            maxAge: MAX_AGE,
            maxSkew: MAX_SKEW
        });
    }

    function deployed(RegistrySettings memory chosen) internal returns (WorkerRegistry) {
        return WorkerRegistry(made("WorkerRegistry.sol:WorkerRegistry", abi.encode(chosen)));
    }

    function made(string memory artifact, bytes memory arguments) internal returns (address at) {
        bytes memory why;
        (at, why) = tried(artifact, arguments);
        vm.assertEq(why.length, 0);
    }

    /// By its artifact: a test that carried the code of all it deploys would be longer than a transaction may create.
    function tried(string memory artifact, bytes memory arguments) internal returns (address at, bytes memory why) {
        bytes memory code = abi.encodePacked(vm.getCode(artifact), arguments);
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
            why := mload(0x40)
            mstore(why, returndatasize())
            returndatacopy(add(why, 0x20), 0x00, returndatasize())
            mstore(0x40, and(add(add(why, returndatasize()), 0x3f), not(0x1f)))
        }
    }

    function identityOf(uint256 key, address operator) internal view returns (bytes32[10] memory words) {
        (uint256 x, uint256 y) = vm.publicKeyP256(key);
        words[0] = bytes32(uint256(1));
        words[1] = bytes32(x);
        words[2] = bytes32(y);
        words[3] = "seal key";
        words[4] = bytes32(uint256(uint160(operator)));
        words[5] = bytes32(block.chainid);
        words[6] = bytes32(uint256(uint160(address(registry))));
        words[7] = bytes32(uint256(uint160(SETTLEMENT)));
        words[8] = "config";
        words[9] = "runtime";
    }

    function identity() internal view returns (bytes32[10] memory) {
        return identityOf(KEY, OPERATOR);
    }

    function logOf(bytes32[10] memory words) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes32("proofmark identity v1"), words));
    }

    function proofOf(bytes32 tee, bytes32[10] memory words, bytes32 challenge)
        internal
        view
        returns (Evidence memory evidence)
    {
        evidence.tee = tee;
        evidence.simulated = tee == AWS_NITRO;
        evidence.image = "image";
        evidence.identity = logOf(words);
        evidence.challenge = challenge;
        evidence.platformId = "platform";
        evidence.notBefore = uint64(block.timestamp - 1 hours);
        evidence.notAfter = uint64(block.timestamp + 2 hours);
        evidence.certificates = new bytes32[](tee == AWS_NITRO ? 5 : 3);
        for (uint256 i = 0; i < evidence.certificates.length; i++) {
            evidence.certificates[i] = keccak256(abi.encode("certificate", i));
        }
        if (tee == AWS_NITRO) {
            evidence.issuedAt = uint64(block.timestamp - 30);
            evidence.publicKey = keccak256(abi.encodePacked(bytes1(0x04), words[1], words[2]));
            Digest384 memory pcr = Sha384.digest(engine, abi.encodePacked(new bytes(48), words[8]));
            evidence.configRegister = keccak256(abi.encodePacked(pcr.first, pcr.last));
        } else {
            evidence.snp.product = SnpProduct.Genoa;
            evidence.snp.signer = SnpSigner.Vlek;
            evidence.snp.reportVersion = 5;
            evidence.snp.vmpl = 1;
            evidence.snp.cpu = 0x191101;
            evidence.snp.guestSvn = 7;
            evidence.snp.guestPolicy = 0x30000;
            evidence.snp.platformInfo = 0x25;
            evidence.snp.reportedTcb = 0x0102030405060708;
            evidence.snp.committedTcb = 0x1112131415161718;
            evidence.snp.currentTcb = 0x2122232425262728;
            evidence.snp.launchTcb = 0x3132333435363738;
        }
    }

    function request(Evidence memory evidence, bytes32[10] memory words, uint256 challengeBlock, uint256 key)
        internal
        pure
        returns (Registration memory sent)
    {
        sent.tee = evidence.tee;
        sent.identity = words;
        sent.evidence = abi.encode(evidence);
        sent.challengeBlock = challengeBlock;
        bytes32 message = sha256(abi.encode(bytes32("proofmark register v1"), evidence.identity, evidence.challenge));
        (sent.r, sent.s) = signed(key, message);
    }

    /// What an honest operator sends now.
    function honest(bytes32 tee) internal view returns (Registration memory) {
        bytes32[10] memory words = identity();
        uint256 number = block.number - 1;
        return request(proofOf(tee, words, registry.blockChallenge(OPERATOR, number)), words, number, KEY);
    }

    function register(Registration memory sent) internal returns (bytes32) {
        vm.prank(OPERATOR);
        return registry.register(sent);
    }

    function refuses(Registration memory sent, bytes4 why) internal {
        vm.prank(OPERATOR);
        vm.expectRevert(why);
        registry.register(sent);
    }

    /// With a low s, as every signer of Proofmark's makes it.
    function signed(uint256 key, bytes32 digest) internal pure returns (bytes32 r, bytes32 s) {
        (r, s) = vm.signP256(key, digest);
        if (uint256(s) > ORDER / 2) s = bytes32(ORDER - uint256(s));
    }

    function headOf(bytes32 log, uint256 size, bytes32 root) internal view returns (SignedHead memory) {
        return headFor(KEY, block.chainid, SETTLEMENT, SignedHead(log, size, root, 0, 0));
    }

    function headFor(uint256 key, uint256 chainId, address settlement, SignedHead memory head)
        internal
        pure
        returns (SignedHead memory)
    {
        bytes32 tag = "proofmark head v1";
        bytes32 digest = sha256(abi.encode(tag, chainId, settlement, head.log, head.size, head.root));
        (head.r, head.s) = signed(key, digest);
        return head;
    }

    function tees() internal pure returns (bytes32[2] memory) {
        return [AWS_NITRO, AMD_SEV_SNP];
    }
}
