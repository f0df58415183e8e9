// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { TensorLib } from "../../src/consumer/TensorLib.sol";
import { Answer, IResultVerifier } from "../../src/results/IResultVerifier.sol";
import { Test } from "../support/Test.sol";

interface IRecomputed is IResultVerifier {
    function MODEL_ID() external view returns (bytes32);
    function evaluate(bytes calldata input) external view returns (bytes memory);
}

/**
 * The contract that is generated for volatility-1h-int8 against the three lines of its card, in Solidity's own checked
 * integers, one product after the other. The fixture has its code and the model's constants; a test of the repository
 * writes it again and compares.
 */
contract RecomputedTest is Test {
    IRecomputed private recomputed;
    int256[][3] private weights;
    int256[][3] private bias;

    function setUp() external {
        string memory file = vm.readFile("./test/fixtures/recomputed-volatility.json");
        bytes memory code = vm.parseJsonBytes(file, ".code");
        address at;
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
        }
        recomputed = IRecomputed(at);
        string[3] memory layers = [".layers[0]", ".layers[1]", ".layers[2]"];
        for (uint256 i = 0; i < 3; i++) {
            weights[i] = integers(vm.parseJsonBytes(file, string.concat(layers[i], ".weights")));
            bias[i] = integers(vm.parseJsonBytes(file, string.concat(layers[i], ".bias")));
        }
        vm.assertEq(recomputed.MODEL_ID(), abi.decode(vm.parseJson(file, ".modelId"), (bytes32)));
    }

    /// forge-config: default.fuzz.runs = 256
    /// 32 random bytes make the sixteen inputs, by a mask that is sometimes small: extremes are as likely as the rest.
    function testFuzz_evaluatesAsTheCardSays(uint256 seed, uint8 mask, bool sparse) external view {
        int256[] memory values = inputs(seed, mask, sparse);
        vm.assertEq(recomputed.evaluate(body(values)), body(plain(values)));
    }

    /// forge-config: default.fuzz.runs = 256
    function testFuzz_takesTheAnswerAndNoOther(uint256 seed, int256 other) external view {
        int256[] memory values = inputs(seed, 0xff, false);
        bytes memory input = body(values);
        Answer memory answer = asked(input, body(plain(values)));
        vm.assertTrue(recomputed.verify(answer, input));
        int256[] memory wrong = new int256[](1);
        wrong[0] = other;
        bytes memory output = body(wrong);
        if (keccak256(output) == keccak256(answer.output)) return;
        answer.output = output;
        vm.assertFalse(recomputed.verify(answer, input));
    }

    /// Any word of the input changed, with the hash of what it then is.
    function testFuzz_takesNoInputBeyondItsFormat(uint256 seed, uint256 at, uint256 value) external {
        bytes memory input = body(inputs(seed, 0xff, false));
        at = bound(at, 0, 19);
        // What a word of the head has to be stays; a value within its range is another input, and a right one.
        uint256 kept = at == 0 ? 0 : at == 1 ? 2 : at == 2 ? 1 : at == 3 ? 16 : value & 0xff;
        if (value == kept) return;
        assembly ("memory-safe") {
            mstore(add(add(input, 0x20), shl(5, at)), value)
        }
        vm.assertFalse(recomputed.verify(asked(input, body(new int256[](1))), input));
        vm.expectRevert();
        recomputed.evaluate(input);
    }

    function testFuzz_takesNoInputOfAnotherLength(uint256 seed, uint256 length) external {
        bytes memory whole = body(inputs(seed, 0xff, false));
        length = bound(length, 0, 1_000);
        if (length == whole.length) return;
        bytes memory input = new bytes(length);
        for (uint256 i = 0; i < length && i < whole.length; i++) {
            input[i] = whole[i];
        }
        vm.assertFalse(recomputed.verify(asked(input, body(new int256[](1))), input));
        vm.expectRevert();
        recomputed.evaluate(input);
    }

    function test_needsNoReceipt() external view {
        vm.assertFalse(recomputed.needsReceipt());
    }

    function asked(bytes memory input, bytes memory output) private view returns (Answer memory answer) {
        answer.modelId = recomputed.MODEL_ID();
        answer.inputHash = sha256(input);
        answer.output = output;
    }

    function body(int256[] memory values) private pure returns (bytes memory) {
        uint32[] memory shape = new uint32[](2);
        (shape[0], shape[1]) = (1, uint32(values.length));
        return TensorLib.encode(0, shape, values);
    }

    function inputs(uint256 seed, uint8 mask, bool sparse) private pure returns (int256[] memory values) {
        values = new int256[](16);
        for (uint256 i = 0; i < 16; i++) {
            uint256 value = (seed >> (8 * i)) & mask;
            values[i] = int256(sparse && (seed >> (128 + i)) & 1 == 0 ? 255 - value : value);
        }
    }

    function plain(int256[] memory values) private view returns (int256[] memory) {
        for (uint256 layer = 0; layer < 3; layer++) {
            int256[] memory next = new int256[](bias[layer].length);
            for (uint256 to = 0; to < next.length; to++) {
                int256 sum = bias[layer][to];
                for (uint256 from = 0; from < values.length; from++) {
                    sum += values[from] * weights[layer][to * values.length + from];
                }
                if (sum < 0) sum = 0;
                if (layer < 2) sum = sum / 256 > 255 ? int256(255) : sum / 256;
                next[to] = sum;
            }
            values = next;
        }
        return values;
    }

    function integers(bytes memory words) private pure returns (int256[] memory values) {
        values = new int256[](words.length / 32);
        for (uint256 i = 0; i < values.length; i++) {
            int256 value;
            assembly ("memory-safe") {
                value := mload(add(add(words, 0x20), shl(5, i)))
            }
            values[i] = value;
        }
    }
}
