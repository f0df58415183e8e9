// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Receipt } from "../../src/log/Receipt.sol";
import { RequestHeader } from "../../src/log/Request.sol";
import { SignedHead } from "../../src/log/TreeHead.sol";
import { AttestedResult } from "../../src/results/AttestedResult.sol";
import { Channel, Voucher } from "../../src/settlement/Channels.sol";
import { Escrow, Terms } from "../../src/settlement/Escrows.sol";
import { LoggedReceipt } from "../../src/settlement/Heads.sol";
import { Settlement } from "../../src/settlement/Settlement.sol";
import { Test } from "../support/Test.sol";
import { NaiveTree } from "./NaiveTree.sol";
import { ListPolicy } from "./Policies.sol";
import { StubRegistry } from "./StubRegistry.sol";
import { TestToken } from "./TestTokens.sol";

/// One worker, one payer and everything between them. Keys are real: heads and vouchers are signed with P-256.
abstract contract SettlementFixture is Test {
    uint256 internal constant N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;
    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant CLOSE_DELAY = 1 days;
    uint256 internal constant LIFETIME = 24 hours;

    uint256 internal constant WORKER_KEY = 0xa11ce;
    uint256 internal constant SESSION_KEY = 0x5e55;
    bytes32 internal constant LOG = keccak256("log");
    bytes32 internal constant EXECUTION = keccak256("execution");

    address internal immutable payer = vm.addr(0xbeef);
    address internal immutable operator = address(0x09e7a7);
    address internal immutable requester = address(0x4e9);
    address internal immutable stranger = address(0x57a);

    TestToken internal token;
    StubRegistry internal registry;
    Settlement internal settlement;
    ListPolicy internal policy;
    AttestedResult internal attested;

    function deploy() internal virtual {
        vm.warp(START);
        vm.roll(1000);
        token = TestToken(made("TestTokens.sol:TestToken", ""));
        registry = StubRegistry(made("StubRegistry.sol:StubRegistry", ""));
        settlement = settle(address(token), address(registry), CLOSE_DELAY);
        deployNamed();
        enrol(LOG, WORKER_KEY, operator);
        policy.set(LOG, true);
    }

    /// What requesters name, and their money.
    function deployNamed() internal {
        policy = ListPolicy(made("Policies.sol:ListPolicy", ""));
        attested = AttestedResult(made("AttestedResult.sol:AttestedResult", ""));
        fund(payer, 1_000_000);
        fund(requester, 1_000_000);
    }

    function settle(address payment, address workers, uint256 delay) internal returns (Settlement) {
        return Settlement(made("Settlement.sol:Settlement", abi.encode(payment, workers, delay)));
    }

    /// From the artifact: a test that had the code of others inside would be larger than contracts may be.
    function made(string memory artifact, bytes memory arguments) internal returns (address at) {
        bytes memory code = abi.encodePacked(vm.getCode(artifact), arguments);
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
            if iszero(at) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    function fund(address account, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(settlement), type(uint256).max);
    }

    function enrol(bytes32 log, uint256 key, address by) internal {
        (uint256 x, uint256 y) = vm.publicKeyP256(key);
        uint48 expiresAt = uint48(block.timestamp + LIFETIME);
        registry.put(log, address(settlement), expiresAt, bytes32(x), bytes32(y), by);
    }

    function signLow(uint256 key, bytes32 digest) internal pure returns (bytes32 r, bytes32 s) {
        (r, s) = vm.signP256(key, digest);
        if (uint256(s) > N / 2) s = bytes32(N - uint256(s));
    }

    function signHead(uint256 key, bytes32 log, uint256 size, bytes32 root) internal view returns (SignedHead memory) {
        bytes memory words =
            abi.encode(bytes32("proofmark head v1"), block.chainid, address(settlement), log, size, root);
        (bytes32 r, bytes32 s) = signLow(key, sha256(words));
        return SignedHead(log, size, root, r, s);
    }

    function voucherFor(bytes32 channel, bytes32 log, uint256 most) internal view returns (Voucher memory) {
        bytes memory words =
            abi.encode(bytes32("proofmark voucher v1"), block.chainid, address(settlement), channel, log, most);
        (bytes32 r, bytes32 s) = signLow(SESSION_KEY, sha256(words));
        return Voucher(channel, most, r, s);
    }

    function openChannel(bytes32 salt, uint256 amount) internal returns (bytes32) {
        (uint256 x, uint256 y) = vm.publicKeyP256(SESSION_KEY);
        vm.prank(payer);
        return settlement.openChannel(operator, bytes32(x), bytes32(y), salt, amount);
    }

    function charge(bytes32 channel, uint256 cumulativeFee) internal pure returns (Receipt memory receipt) {
        receipt.requestId = keccak256(abi.encode("request", cumulativeFee));
        receipt.channel = channel;
        receipt.execution = EXECUTION;
        receipt.fee = cumulativeFee < 10 ? cumulativeFee : 10;
        receipt.cumulativeFee = cumulativeFee;
        receipt.index = 2;
    }

    /// The receipt at its index in a log of five, all others being noise.
    function logged(uint256 key, bytes32 log, Receipt memory receipt) internal view returns (LoggedReceipt memory) {
        return loggedIn(key, log, receipt, 5);
    }

    function loggedIn(uint256 key, bytes32 log, Receipt memory receipt, uint256 size)
        internal
        view
        returns (LoggedReceipt memory)
    {
        bytes32[] memory leaves = new bytes32[](size);
        for (uint256 i = 0; i < size; i++) {
            leaves[i] = keccak256(abi.encode("leaf", i));
        }
        leaves[receipt.index] = sha256(abi.encodePacked(hex"00", abi.encode(receipt)));
        SignedHead memory head = signHead(key, log, size, NaiveTree.root(leaves, 0, size));
        return LoggedReceipt(receipt, NaiveTree.path(leaves, receipt.index), head);
    }

    function claim(bytes32 channel, uint256 cumulativeFee, uint256 most) internal returns (uint256) {
        return settlement.claim(logged(WORKER_KEY, LOG, charge(channel, cumulativeFee)), voucherFor(channel, LOG, most));
    }

    function terms() internal view returns (Terms memory) {
        return Terms({
            modelId: keccak256("model"),
            policy: address(policy),
            resultVerifier: address(attested),
            unitPrice: 70,
            maxFee: 100,
            deadline: block.timestamp + 1 hours,
            callback: address(0),
            callbackGas: 0
        });
    }

    function openEscrow(Terms memory wanted) internal returns (bytes32) {
        vm.prank(requester);
        return settlement.openEscrow(wanted, "input");
    }

    /// What an honest worker says about an escrow, told from the words of DESIGN sections 4 and 8.
    function answerTo(bytes32 id, Terms memory wanted, bytes memory output) internal pure returns (Receipt memory) {
        return answerTo(id, wanted, "input", output);
    }

    function answerTo(bytes32 id, Terms memory wanted, bytes memory input, bytes memory output)
        internal
        pure
        returns (Receipt memory)
    {
        bytes memory header = abi.encode(
            RequestHeader({
                requestId: id,
                modelId: wanted.modelId,
                operation: 0,
                format: 2,
                jsonLength: 0,
                flags: 1,
                salt: id,
                channel: 0,
                unitPrice: wanted.unitPrice,
                maxFee: wanted.maxFee,
                deadline: wanted.deadline,
                seed: sha256(abi.encode(id))
            })
        );
        return Receipt({
            requestId: id,
            channel: 0,
            modelId: wanted.modelId,
            requestHash: sha256(abi.encodePacked(hex"02", header, sha256(input))),
            responseHash: sha256(abi.encodePacked(hex"03", id, uint256(0), uint256(2), uint256(0), sha256(output))),
            commitment: 0,
            execution: EXECUTION,
            flags: 1,
            status: 0,
            fee: wanted.unitPrice < wanted.maxFee ? wanted.unitPrice : wanted.maxFee,
            cumulativeFee: 0,
            deadline: wanted.deadline,
            index: 3
        });
    }

    function fulfil(bytes32 id, Terms memory wanted, bytes memory output) internal {
        settlement.fulfil(id, output, logged(WORKER_KEY, LOG, answerTo(id, wanted, output)), "");
    }
}
