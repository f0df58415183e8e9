// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { MarginRules, VolatilityMargin } from "../src/VolatilityMargin.sol";
import { SettlementFixture } from "proofmark-test/settlement/SettlementFixture.sol";
import { Ask } from "proofmark/consumer/ProofmarkConsumer.sol";
import { Receipt } from "proofmark/log/Receipt.sol";
import { RequestHeader } from "proofmark/log/Request.sol";
import { Escrow } from "proofmark/settlement/Escrows.sol";

/// The example beside a real settlement, with a worker whose heads are signed; only who is registered is a stub.
abstract contract MarginFixture is SettlementFixture {
    address internal constant REPORTER = address(0x4e904);
    bytes32 internal constant MODEL = keccak256("model");

    VolatilityMargin internal keeper;

    function setUp() external {
        deploy();
        keeper = deployed("VolatilityMargin.sol:VolatilityMargin", rules());
        token.mint(address(keeper), 1_000);
        for (uint256 i = 0; i < 17; i++) {
            vm.prank(REPORTER);
            keeper.observe(1_000 + (i % 3));
        }
    }

    function deployed(string memory artifact, MarginRules memory bounds) internal returns (VolatilityMargin) {
        return VolatilityMargin(made(artifact, abi.encode(settlement, REPORTER, ask(), bounds)));
    }

    function ask() internal view returns (Ask memory) {
        return Ask({
            modelId: MODEL,
            policy: address(policy),
            resultVerifier: address(attested),
            unitPrice: 70,
            maxFee: 100,
            lifetimeSeconds: 1 hours,
            callbackGas: 400_000,
            maxAgeBlocks: 50,
            maxAgeSeconds: 10 minutes
        });
    }

    function rules() internal pure returns (MarginRules memory) {
        return MarginRules({
            defaultMargin: 1_000, leastMargin: 200, mostMargin: 5_000, perVolatility: 100_000, forecastSeconds: 1 hours
        });
    }

    /// A body of one number with 18 decimals, as the model answers.
    function volatility(int256 value) internal pure returns (bytes memory) {
        return abi.encode(18, 2, 1, 1, value);
    }

    /// What an honest worker says about a request of the example.
    function answered(bytes32 id, bytes memory output) internal view returns (Receipt memory receipt) {
        Escrow memory kept = settlement.escrowOf(id);
        bytes memory header = abi.encode(
            RequestHeader({
                requestId: id,
                modelId: kept.modelId,
                operation: 0,
                format: 2,
                jsonLength: 0,
                flags: 1,
                salt: id,
                channel: 0,
                unitPrice: kept.unitPrice,
                maxFee: kept.maxFee,
                deadline: kept.deadline,
                seed: sha256(abi.encode(id))
            })
        );
        receipt.requestId = id;
        receipt.modelId = kept.modelId;
        receipt.requestHash = sha256(abi.encodePacked(hex"02", header, sha256(keeper.input())));
        receipt.responseHash = sha256(abi.encodePacked(hex"03", id, uint256(0), uint256(2), uint256(0), sha256(output)));
        receipt.execution = EXECUTION;
        receipt.flags = 1;
        receipt.fee = kept.unitPrice;
        receipt.deadline = kept.deadline;
        receipt.index = 3;
    }

    function settleWith(bytes32 id, bytes memory output) internal {
        settlement.fulfil(id, output, logged(WORKER_KEY, LOG, answered(id, output)), "");
    }
}
