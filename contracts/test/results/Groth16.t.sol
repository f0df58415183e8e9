// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Proof } from "../../src/proved/Groth16.sol";
import { ProvedHarness } from "./ProvedHarness.sol";
import { Trapdoor } from "./Trapdoor.sol";

/// forge-config: default.fuzz.runs = 256
contract Groth16Test is Trapdoor {
    ProvedHarness private harness;

    function setUp() external {
        loadTrapdoor();
        harness = new ProvedHarness(circuitKey);
    }

    function testFuzz_takesWhateverIsProved(uint256 commitment, uint256 evaluation, uint256 point, uint256 c)
        external
        view
    {
        (commitment, evaluation, point) = (commitment % ORDER, evaluation % ORDER, point % ORDER);
        vm.assertTrue(ask(commitment, evaluation, point, prove(commitment, evaluation, point, bound(c, 1, ORDER - 1))));
    }

    function testFuzz_refusesOtherSignals(uint256 commitment, uint256 evaluation, uint256 point, uint256 which)
        external
        view
    {
        uint256[3] memory signals = [commitment % ORDER, evaluation % ORDER, point % ORDER];
        uint256[8] memory proof = prove(signals[0], signals[1], signals[2], 7);
        signals[which % 3] = addmod(signals[which % 3], bound(which, 1, ORDER - 1), ORDER);
        vm.assertFalse(ask(signals[0], signals[1], signals[2], proof));
    }

    /// The precompile reduces scalars; a second spelling of a signal is none.
    function testFuzz_refusesSignalsBeyondTheField(uint256 signal, uint256 which) external view {
        // Two to the power of 256 is a little more than five times the order.
        signal = bound(signal, 0, type(uint256).max - 5 * ORDER);
        uint256[3] memory signals;
        signals[which % 3] = signal;
        uint256[8] memory proof = prove(signals[0], signals[1], signals[2], 7);
        vm.assertTrue(ask(signals[0], signals[1], signals[2], proof));
        signals[which % 3] = signal + ORDER * bound(which, 1, 5);
        vm.assertFalse(ask(signals[0], signals[1], signals[2], proof));
    }

    /// forge-config: default.fuzz.runs = 512
    /// Any word of a proof changed: most are no points any more, and the others prove something else.
    function testFuzz_refusesOtherWords(uint256 at, uint256 value) external view {
        uint256[8] memory proof = prove(1, 2, 3, 4);
        if (proof[at % 8] == value) return;
        proof[at % 8] = value;
        vm.assertFalse(ask(1, 2, 3, proof));
    }

    function test_refusesNegatedPoints() external view {
        for (uint256 which = 0; which < 3; which++) {
            uint256[8] memory proof = prove(1, 2, 3, 4);
            if (which == 0) proof[1] = BASE - proof[1];
            if (which == 1) (proof[4], proof[5]) = (BASE - proof[4], BASE - proof[5]);
            if (which == 2) proof[7] = BASE - proof[7];
            vm.assertFalse(ask(1, 2, 3, proof));
        }
    }

    /// Anybody makes another proof of the same: nothing may depend on its bytes.
    function test_takesAProofThatSomebodyElseChanged() external view {
        uint256[8] memory proof = prove(1, 2, 3, 4);
        proof[1] = BASE - proof[1];
        (proof[4], proof[5]) = (BASE - proof[4], BASE - proof[5]);
        vm.assertTrue(ask(1, 2, 3, proof));
    }

    /// One coordinate after the other, as the same number modulo the order of the field.
    function test_refusesCoordinatesBeyondTheField() external view {
        for (uint256 at = 0; at < 8; at++) {
            uint256[8] memory proof = prove(1, 2, 3, 4);
            proof[at] += BASE;
            vm.assertFalse(ask(1, 2, 3, proof));
        }
    }

    function test_refusesInfinity() external view {
        // c = 0 proves it for everybody who takes infinity.
        uint256[8] memory proof = prove(1, 2, 3, 0);
        vm.assertEq(proof[6] | proof[7], 0);
        vm.assertFalse(ask(1, 2, 3, proof));

        // So do these, where a or b is taken for infinity: e(a, b) is one, and c is what it then has to be.
        proof = prove(1, 2, 3, factorForInfinity(1, 2, 3));
        vm.assertEq(proof[0] | proof[1], 0);
        vm.assertFalse(ask(1, 2, 3, proof));
        // What its negative would be.
        proof[1] = BASE;
        vm.assertFalse(ask(1, 2, 3, proof));
        (proof[0], proof[1]) = (1, 2);
        (proof[2], proof[3], proof[4], proof[5]) = (0, 0, 0, 0);
        vm.assertFalse(ask(1, 2, 3, proof));
    }

    /// On the curve of the second group, whose other points are of other orders.
    function test_refusesPointsOutsideTheSubgroup() external view {
        uint256[8] memory proof = prove(1, 2, 3, 4);
        bytes memory outside = vm.parseJsonBytes(vm.readFile("./test/fixtures/trapdoor.json"), ".outside");
        for (uint256 i = 0; i < 4; i++) {
            proof[2 + i] = wordAt(outside, i);
        }
        vm.assertFalse(ask(1, 2, 3, proof));
    }

    /// At no amount of gas is a right proof taken for a wrong statement's; too little is a no.
    function testFuzz_saysNoWithoutGas(uint256 amount) external view {
        uint256[8] memory proof = prove(1, 2, 3, 4);
        bytes memory wrong = abi.encodeCall(ProvedHarness.verify, (1, 2, 4, asProof(proof)));
        (bool done, bytes memory answer) = address(harness).staticcall{ gas: bound(amount, 0, 250_000) }(wrong);
        vm.assertFalse(done && abi.decode(answer, (bool)));
    }

    function ask(uint256 commitment, uint256 evaluation, uint256 point, uint256[8] memory proof)
        private
        view
        returns (bool)
    {
        return harness.verify(commitment, evaluation, point, asProof(proof));
    }

    function asProof(uint256[8] memory p) private pure returns (Proof memory) {
        return Proof(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]);
    }
}
