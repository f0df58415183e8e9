// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Test } from "../support/Test.sol";
import { P256Harness } from "./P256Harness.sol";

contract P256Test is Test {
    uint256 private constant N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;
    uint256 private constant P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff;

    P256Harness private p256;

    function setUp() external {
        p256 = new P256Harness();
    }

    struct Signed {
        bytes32 hash;
        bytes32 r;
        bytes32 s;
        bytes32 x;
        bytes32 y;
    }

    function testFuzz_bothWaysAgree(uint256 secret, bytes32 hash, uint256 place, uint256 bit) external view {
        Signed memory signed = sign(bound(secret, 1, N - 1), hash);
        check(signed, true);
        // One bit of one of the five words: a signature no more, whichever it is.
        bytes32 flip = bytes32(uint256(1) << (bit % 256));
        place %= 5;
        if (place == 0) signed.hash ^= flip;
        if (place == 1) signed.r ^= flip;
        if (place == 2) signed.s ^= flip;
        if (place == 3) signed.x ^= flip;
        if (place == 4) signed.y ^= flip;
        check(signed, false);
    }

    /// Keys next to the generator: the table and the sum meet equal and opposite points, and infinity.
    function test_smallKeysAndTheirOpposites() external view {
        for (uint256 secret = 1; secret < 9; secret++) {
            for (uint256 hash = 0; hash < 3; hash++) {
                check(sign(secret, bytes32(hash)), true);
                check(sign(N - secret, bytes32(hash)), true);
            }
        }
    }

    function testFuzz_refusesTheOtherS(uint256 secret, bytes32 hash) external view {
        Signed memory signed = sign(bound(secret, 1, N - 1), hash);
        signed.s = bytes32(N - uint256(signed.s));
        check(signed, false);
    }

    function test_refusesNumbersOutOfRange() external view {
        Signed memory signed = sign(7, keccak256("range"));
        (bytes32 r, bytes32 s, bytes32 x) = (signed.r, signed.s, signed.x);
        signed.r = 0;
        check(signed, false);
        signed.r = bytes32(N);
        check(signed, false);
        (signed.r, signed.s) = (r, 0);
        check(signed, false);
        (signed.s, signed.x) = (s, bytes32(P));
        check(signed, false);
        (signed.x, signed.y) = (0, 0);
        check(signed, false);
        signed.x = x;
        check(signed, false);
    }

    /// r = s = 1 with u1 G + u2 Q = 0: Q = -hash G, and no x to compare.
    function test_refusesTheSumAtInfinity() external view {
        (uint256 x, uint256 y) = vm.publicKeyP256(N - 9);
        check(Signed(bytes32(uint256(9)), bytes32(uint256(1)), bytes32(uint256(1)), bytes32(x), bytes32(y)), false);
    }

    function sign(uint256 secret, bytes32 hash) private pure returns (Signed memory) {
        (bytes32 r, bytes32 s) = vm.signP256(secret, hash);
        (uint256 x, uint256 y) = vm.publicKeyP256(secret);
        if (uint256(s) > N / 2) s = bytes32(N - uint256(s));
        return Signed(hash, r, s, bytes32(x), bytes32(y));
    }

    function check(Signed memory signed, bool valid) private view {
        vm.assertEq(p256.verify(signed.hash, signed.r, signed.s, signed.x, signed.y), valid);
        vm.assertEq(p256.verifyHere(signed.hash, signed.r, signed.s, signed.x, signed.y), valid);
    }
}
