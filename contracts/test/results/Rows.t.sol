// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { TensorLib } from "../../src/consumer/TensorLib.sol";
import { Bn254 } from "../../src/proved/Bn254.sol";
import { RowFormat, Rows } from "../../src/proved/Rows.sol";
import { Test } from "../support/Test.sol";
import { RowsHarness } from "./ProvedHarness.sol";

/// Against one value after the other, in Solidity's own checked integers. `test/contracts/results` compares with TypeScript.
contract RowsTest is Test {
    RowsHarness private rows;

    function setUp() external {
        rows = new RowsHarness();
    }

    function testFuzz_unpacksWhatPacks(uint256 seed, uint256 width, bool signed, uint256 count) external view {
        RowFormat memory format = formatOf(width, signed, count);
        int256[] memory values = draw(seed, format);
        uint256[] memory elements = packed(format, values);
        bytes memory body = bodyOf(values);
        vm.assertEq(elements.length, Rows.elementsOf(format));
        (bool valid, uint256[] memory found) = rows.pack(format, body);
        vm.assertTrue(valid);
        vm.assertEq(abi.encodePacked(found), abi.encodePacked(elements));
        bytes memory unpacked;
        (valid, unpacked) = rows.unpack(format, abi.encodePacked(elements));
        vm.assertTrue(valid);
        vm.assertEq(unpacked, body);
    }

    function testFuzz_evaluatesThePolynomial(uint256 seed, uint256 inputs, uint256 outputs, uint256 point)
        external
        view
    {
        uint256[] memory left = new uint256[](bound(inputs, 0, 9));
        uint256[] memory right = new uint256[](bound(outputs, 0, 9));
        uint256 expected;
        uint256 power = point;
        for (uint256 i = 0; i < left.length + right.length; i++) {
            uint256 element = uint256(keccak256(abi.encode(seed, i))) % Bn254.ORDER;
            if (i < left.length) left[i] = element;
            else right[i - left.length] = element;
            expected = addmod(expected, mulmod(element, power, Bn254.ORDER), Bn254.ORDER);
            power = mulmod(power, point, Bn254.ORDER);
        }
        vm.assertEq(rows.evaluate(abi.encodePacked(left), right, point), expected);
    }

    /// Any bit of any element that stands for no value.
    function testFuzz_refusesBitsBeyondTheValues(uint256 seed, uint256 width, bool signed, uint256 count, uint256 bit)
        external
        view
    {
        RowFormat memory format = formatOf(width, signed, count);
        uint256[] memory elements = packed(format, draw(seed, format));
        uint256 at = seed % elements.length;
        uint256 each = 248 / format.bits;
        uint256 used = at + 1 < elements.length ? each : format.count - each * at;
        elements[at] |= 1 << bound(bit, used * format.bits, 255);
        (bool valid,) = rows.unpack(format, abi.encodePacked(elements));
        vm.assertFalse(valid);
    }

    function testFuzz_refusesValuesBeyondTheRange(uint256 seed, uint256 width, bool signed, uint256 count, int256 value)
        external
        view
    {
        RowFormat memory format = formatOf(width, signed, count);
        int256[] memory values = draw(seed, format);
        (int256 least, int256 most) = rangeOf(format);
        if (seed % 3 == 0) value = most + 1;
        if (seed % 3 == 1) value = least - 1;
        values[seed % values.length] = value;
        (bool valid,) = rows.pack(format, bodyOf(values));
        vm.assertEq(valid, value >= least && value <= most);
    }

    function testFuzz_refusesOtherHeads(uint256 seed, uint256 width, uint256 at, uint256 value) external view {
        RowFormat memory format = formatOf(width, false, 5);
        bytes memory body = bodyOf(draw(seed, format));
        at = bound(at, 0, 3);
        uint256[4] memory head = [uint256(0), 2, 1, 5];
        if (value == head[at]) return;
        assembly ("memory-safe") {
            mstore(add(add(body, 0x20), shl(5, at)), value)
        }
        (bool valid,) = rows.pack(format, body);
        vm.assertFalse(valid);
    }

    function testFuzz_refusesOtherLengths(uint256 seed, uint256 width, uint256 length) external view {
        RowFormat memory format = formatOf(width, false, 5);
        bytes memory whole = bodyOf(draw(seed, format));
        length = bound(length, 0, 400);
        if (length == whole.length) return;
        bytes memory body = new bytes(length);
        for (uint256 i = 0; i < length && i < whole.length; i++) {
            body[i] = whole[i];
        }
        (bool valid,) = rows.pack(format, body);
        vm.assertFalse(valid);
    }

    function formatOf(uint256 width, bool signed, uint256 count) private pure returns (RowFormat memory) {
        return RowFormat(8 << (width % 4), signed, bound(count, 1, 100));
    }

    function rangeOf(RowFormat memory format) private pure returns (int256 least, int256 most) {
        int256 span = int256(1 << format.bits);
        return format.signed ? (-span / 2, span / 2 - 1) : (int256(0), span - 1);
    }

    /// Extremes as often as the rest.
    function draw(uint256 seed, RowFormat memory format) private pure returns (int256[] memory values) {
        (int256 least, int256 most) = rangeOf(format);
        values = new int256[](format.count);
        for (uint256 i = 0; i < values.length; i++) {
            uint256 drawn = uint256(keccak256(abi.encode(seed, i)));
            if (drawn % 4 == 0) values[i] = least;
            else if (drawn % 4 == 1) values[i] = most;
            else values[i] = least + int256((drawn >> 2) % uint256(most - least + 1));
        }
    }

    function packed(RowFormat memory format, int256[] memory values) private pure returns (uint256[] memory elements) {
        uint256 each = 248 / format.bits;
        elements = new uint256[]((values.length + each - 1) / each);
        (int256 least,) = rangeOf(format);
        for (uint256 i = 0; i < values.length; i++) {
            elements[i / each] += uint256(values[i] - least) * 2 ** (format.bits * (i % each));
        }
    }

    function bodyOf(int256[] memory values) private pure returns (bytes memory) {
        uint32[] memory shape = new uint32[](2);
        (shape[0], shape[1]) = (1, uint32(values.length));
        return TensorLib.encode(0, shape, values);
    }
}
