// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Ask } from "../../src/consumer/ProofmarkConsumer.sol";
import { StubVerifier } from "../settlement/Policies.sol";
import { SettlementFixture } from "../settlement/SettlementFixture.sol";
import { TestConsumer } from "./TestConsumer.sol";

/// A consumer with some money, a worker, and a result verifier that takes one output.
abstract contract ConsumerFixture is SettlementFixture {
    TestConsumer internal consumer;
    StubVerifier internal anything;

    function setUp() external {
        deploy();
        consumer = TestConsumer(made("TestConsumer.sol:TestConsumer", abi.encode(settlement)));
        anything = StubVerifier(made("Policies.sol:StubVerifier", abi.encode(false)));
        anything.expect("output", address(0));
        token.mint(address(consumer), 1_000);
    }

    function ask() internal view returns (Ask memory) {
        return Ask({
            modelId: keccak256("model"),
            policy: address(policy),
            resultVerifier: address(attested),
            unitPrice: 70,
            maxFee: 100,
            lifetimeSeconds: 1 hours,
            callbackGas: 400_000,
            maxAgeBlocks: 20,
            maxAgeSeconds: 10 minutes
        });
    }

    /// An ask that a result verifier answers without an enclave.
    function proven() internal view returns (Ask memory wanted) {
        wanted = ask();
        (wanted.policy, wanted.resultVerifier) = (address(0), address(anything));
    }

    function answer(bytes32 id) internal {
        settlement.fulfilProven(id, "output", operator, "proof");
    }
}
