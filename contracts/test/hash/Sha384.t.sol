// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Digest384, Sha384, Sha384EngineFailed } from "../../src/hash/Sha384.sol";
import { Sha384Engine } from "../../src/hash/Sha384Engine.sol";
import { NaiveSha384 } from "../support/NaiveSha384.sol";
import { Test } from "../support/Test.sol";

contract Sha384Test is Test {
    address private engine;
    bytes private constants;

    function setUp() external {
        engine = address(new Sha384Engine());
        constants = roundConstants();
    }

    function testFuzz_agreesWithTheSlowReading(bytes calldata message) external view {
        // A block takes the slow reading about a million gas.
        bytes memory short = message.length > 300 ? message[:300] : message;
        bytes memory expected = NaiveSha384.digest(short, constants, initialState());
        vm.assertEq(packed(Sha384.digest(engine, short)), expected);
    }

    function testFuzz_memoryAndCalldataAtAnyOffset(bytes calldata message, uint256 from, uint256 to) external view {
        to = bound(to, 0, message.length);
        from = bound(from, 0, to);
        bytes memory slice = message[from:to];
        bytes memory expected = packed(Sha384.digest(engine, slice));
        vm.assertEq(packed(Sha384.digestCalldata(engine, message[from:to])), expected);

        bytes memory whole = message;
        uint256 pointer;
        assembly ("memory-safe") {
            pointer := add(add(whole, 0x20), from)
        }
        vm.assertEq(packed(Sha384.digest(engine, pointer, to - from)), expected);
        vm.assertEq(whole, message);
    }

    function test_theStandardsOwnExamples() external view {
        // FIPS 180-4's examples, as published by NIST.
        vm.assertEq(
            packed(Sha384.digest(engine, bytes("abc"))),
            hex"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
        );
        vm.assertEq(
            packed(Sha384.digest(engine, "")),
            hex"38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"
        );
    }

    function test_equalComparesAllOfIt() external pure {
        Digest384 memory one = Digest384(bytes32(uint256(1)), bytes16(uint128(1)));
        vm.assertTrue(Sha384.equal(one, Digest384(bytes32(uint256(1)), bytes16(uint128(1)))));
        vm.assertFalse(Sha384.equal(one, Digest384(bytes32(uint256(2)), bytes16(uint128(1)))));
        vm.assertFalse(Sha384.equal(one, Digest384(bytes32(uint256(1)), bytes16(uint128(2)))));
    }

    function test_anAddressWithoutTheEngineIsRefused() external {
        vm.expectRevert(Sha384EngineFailed.selector);
        this.digestBy(address(0x1234));
        // A precompile that answers with 32 bytes.
        vm.expectRevert(Sha384EngineFailed.selector);
        this.digestBy(address(2));
    }

    function test_tooLittleGasIsNoDigest() external {
        vm.expectRevert();
        this.digestBy{ gas: 15_000 }(engine);
    }

    function digestBy(address by) external view returns (Digest384 memory) {
        return Sha384.digest(by, bytes("abc"));
    }

    function packed(Digest384 memory digest) private pure returns (bytes memory) {
        return abi.encodePacked(digest.first, digest.last);
    }

    function initialState() private pure returns (uint64[8] memory) {
        return [
            uint64(0xcbbb9d5dc1059ed8),
            0x629a292a367cd507,
            0x9159015a3070dd17,
            0x152fecd8f70e5939,
            0x67332667ffc00b31,
            0x8eb44a8768581511,
            0xdb0c2e0d64f98fa7,
            0x47b5481dbefa4fa4
        ];
    }

    /// FIPS 180-4 section 4.2.3: fractions of the cube roots of the first eighty primes.
    function roundConstants() private pure returns (bytes memory result) {
        uint256 candidate = 2;
        while (result.length < 640) {
            if (isPrime(candidate)) result = abi.encodePacked(result, uint64(cubeRoot(candidate << 192)));
            candidate++;
        }
    }

    function isPrime(uint256 candidate) private pure returns (bool) {
        for (uint256 factor = 2; factor * factor <= candidate; factor++) {
            if (candidate % factor == 0) return false;
        }
        return true;
    }

    function cubeRoot(uint256 value) private pure returns (uint256 low) {
        uint256 high = 1 << 68;
        while (low < high) {
            uint256 middle = (low + high + 1) / 2;
            if (middle * middle * middle <= value) low = middle;
            else high = middle - 1;
        }
    }
}
