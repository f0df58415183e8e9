// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { IntegerTensor, TensorLib } from "../../src/consumer/TensorLib.sol";
import { Test } from "../support/Test.sol";
import { TensorHarness } from "./TestConsumer.sol";

contract TensorLibTest is Test {
    TensorHarness private harness = new TensorHarness();

    function testFuzz_readsWhatItWrote(uint8 decimals, uint256 seed, int256 first) external view {
        IntegerTensor[] memory tensors = new IntegerTensor[](1 + (seed % 3));
        for (uint256 i = 0; i < tensors.length; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            tensors[i].decimals = uint8(bound(decimals, 0, 36));
            tensors[i].shape = new uint32[](seed % 4);
            uint256 count = 1;
            for (uint256 j = 0; j < tensors[i].shape.length; j++) {
                tensors[i].shape[j] = 1 + uint32((seed >> (8 * j)) % 3);
                count *= tensors[i].shape[j];
            }
            tensors[i].values = new int256[](count);
            for (uint256 j = 0; j < count; j++) {
                tensors[i].values[j] = j == 0 ? first : int256(uint256(keccak256(abi.encode(seed, j))));
            }
        }
        bytes memory body = harness.encode(tensors);
        vm.assertEq(abi.encode(harness.decode(body)), abi.encode(tensors));
    }

    /// Whatever is read has one spelling.
    function testFuzz_oneSpelling(uint8[12] memory small, uint256 words, uint256 extra) external view {
        bytes memory body;
        for (uint256 i = 0; i < bound(words, 0, 12); i++) {
            body = bytes.concat(body, bytes32(uint256(small[i] % 4)));
        }
        if (extra % 8 == 0) body = bytes.concat(body, bytes1(uint8(extra >> 8)));
        try harness.decode(body) returns (IntegerTensor[] memory tensors) {
            vm.assertEq(harness.encode(tensors), body);
        } catch { }
    }

    function test_theOneTensorThatIsExpected() external {
        uint32[] memory shape = new uint32[](2);
        (shape[0], shape[1]) = (1, 2);
        bytes memory body = abi.encode(18, 2, 1, 2, int256(-5), 7);
        int256[] memory values = harness.decodeOne(body, 18, shape);
        vm.assertEq(values.length, 2);
        vm.assertEq(values[0], -5);
        vm.assertEq(values[1], 7);
        vm.expectRevert(TensorLib.TensorUnexpected.selector);
        harness.decodeOne(body, 17, shape);
        vm.expectRevert(TensorLib.TensorUnexpected.selector);
        harness.decodeOne(bytes.concat(body, abi.encode(0, 0, 1)), 18, shape);
        (shape[0], shape[1]) = (2, 1);
        vm.expectRevert(TensorLib.TensorUnexpected.selector);
        harness.decodeOne(body, 18, shape);
        vm.expectRevert(TensorLib.TensorUnexpected.selector);
        harness.decodeOne(body, 18, new uint32[](0));
        vm.expectRevert(TensorLib.BodyInvalid.selector);
        harness.decodeOne(bytes.concat(body, hex"00"), 18, shape);
        vm.expectRevert(TensorLib.BodyInvalid.selector);
        harness.decodeOne("", 18, shape);
    }

    function test_bounds() external {
        int256[] memory values = new int256[](2);
        (values[0], values[1]) = (-3, 4);
        harness.requireWithin(values, -3, 4);
        vm.expectRevert(abi.encodeWithSelector(TensorLib.ValueOutOfBounds.selector, 0, int256(-3)));
        harness.requireWithin(values, -2, 4);
        vm.expectRevert(abi.encodeWithSelector(TensorLib.ValueOutOfBounds.selector, 1, int256(4)));
        harness.requireWithin(values, -3, 3);
    }

    function test_refusesToWriteWhatCannotBeRead() external {
        IntegerTensor[] memory tensors = new IntegerTensor[](1);
        tensors[0].values = new int256[](1);
        harness.encode(tensors);
        tensors[0].decimals = 37;
        refused(tensors);
        tensors[0].decimals = 0;
        tensors[0].values = new int256[](2);
        refused(tensors);
        tensors[0].shape = new uint32[](1);
        refused(tensors);
        tensors[0].shape[0] = 3;
        refused(tensors);
        tensors[0].shape = new uint32[](9);
        refused(tensors);
        vm.expectRevert(TensorLib.BodyInvalid.selector);
        harness.encode(new IntegerTensor[](257));
    }

    function refused(IntegerTensor[] memory tensors) private {
        vm.expectRevert(TensorLib.TensorInvalid.selector);
        harness.encode(tensors);
    }
}
