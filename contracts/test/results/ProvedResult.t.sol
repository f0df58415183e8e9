// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { CircuitKeys } from "../../src/proved/CircuitKey.sol";
import { RowFormat } from "../../src/proved/Rows.sol";
import { Answer } from "../../src/results/IResultVerifier.sol";
import { ProvedResult } from "../../src/results/ProvedResult.sol";
import { ProvedFixture } from "./ProvedFixture.sol";

/// forge-config: default.fuzz.runs = 256
contract ProvedResultTest is ProvedFixture {
    bytes32 private constant COMMITMENT = bytes32(uint256(0xc0ffee));

    RowFormat private input = RowFormat(8, false, 40);
    RowFormat private output = RowFormat(32, true, 9);
    ProvedResult private proved;
    ProvedResult private withReceipt;

    function setUp() external {
        loadTrapdoor();
        bytes memory key = keyFor(input, output, 2, 2);
        (proved, withReceipt) = (made(key, false, false), made(key, true, false));
    }

    function test_saysWhatItTrusts() external {
        bytes memory key = keyFor(input, output, 3, 2);
        ProvedResult made_ = made(key, false, false);
        vm.assertEq(made_.KEY_HASH(), sha256(key));
        vm.assertEq(made_.MODEL_ID(), MODEL);
        vm.assertEq(made_.PHASE_1(), 3);
        vm.assertEq(made_.PHASE_2(), 2);
        vm.assertFalse(made_.IS_DEV());
        vm.assertFalse(made_.needsReceipt());
        vm.assertTrue(withReceipt.needsReceipt());
    }

    function test_refusesDevSetupsButForTests() external {
        for (uint256 phase1 = 1; phase1 < 3; phase1++) {
            for (uint256 phase2 = 1; phase2 < 3; phase2++) {
                bytes memory key = keyFor(input, output, phase1, phase2);
                bool isDev = phase1 == 1 || phase2 == 1;
                if (isDev) vm.expectRevert(ProvedResult.DevSetup.selector);
                this.make(key, false);
                vm.assertEq(this.make(key, true).IS_DEV(), isDev);
            }
        }
    }

    function testFuzz_takesWhatIsProved(uint256 seed, uint256 width, bool[2] memory signed, uint256[2] memory counts)
        external
    {
        RowFormat memory from = RowFormat(8 << (width % 4), signed[0], bound(counts[0], 1, 80));
        RowFormat memory to = RowFormat(8 << (seed % 4), signed[1], bound(counts[1], 1, 20));
        ProvedResult verifier = made(keyFor(from, to, 2, 2), false, false);
        int256[] memory taken = draw(seed, from);
        int256[] memory given = draw(~seed, to);
        Answer memory answer = answerOf(taken, given);
        uint256[] memory elements = elementsOf(from, taken);
        bytes32 commitment = bytes32(bound(seed, 1, ORDER - 1));
        uint256 point = pointOf(address(verifier), answer, commitment);
        uint256 evaluation = evaluationAt(point, elements, elementsOf(to, given));
        uint256[8] memory proof = prove(uint256(commitment), evaluation, point, 5);
        vm.assertTrue(verifier.verify(answer, abi.encodePacked(commitment, proof, elements)));
        // Of values that are others.
        proof = prove(uint256(commitment), addmod(evaluation, 1, ORDER), point, 5);
        vm.assertFalse(verifier.verify(answer, abi.encodePacked(commitment, proof, elements)));
    }

    /// Each word of the statement that is asked about, the one after the other.
    function testFuzz_paysNobodyElse(uint256 seed, uint256 which, bytes32 other) external view {
        (Answer memory answer, bytes memory proof) = proven(seed);
        vm.assertTrue(proved.verify(answer, proof));
        bytes32 before = keccak256(abi.encode(answer));
        which %= 6;
        if (which == 0) answer.escrow = other;
        if (which == 1) answer.modelId = other;
        if (which == 2) answer.inputHash = other;
        if (which == 3) answer.payee = address(uint160(uint256(other)));
        if (which == 4) answer.output = abi.encodePacked(answer.output, other);
        if (which == 5) setWord(answer.output, 4 + uint256(other) % 9, uint256(other) >> 224);
        if (keccak256(abi.encode(answer)) == before) return;
        vm.assertFalse(proved.verify(answer, proof));
    }

    /// forge-config: default.fuzz.runs = 512
    /// Any bit of the proof, the commitment and the input's elements.
    function testFuzz_refusesAnyOtherProof(uint256 seed, uint256 at) external view {
        (Answer memory answer, bytes memory proof) = proven(seed);
        at = bound(at, 0, proof.length * 8 - 1);
        proof[at / 8] ^= bytes1(uint8(1 << (at % 8)));
        vm.assertFalse(proved.verify(answer, proof));
    }

    function testFuzz_refusesOtherLengths(uint256 seed, uint256 length) external view {
        (Answer memory answer, bytes memory proof) = proven(seed);
        length = bound(length, 0, 1000);
        if (length == proof.length) return;
        bytes memory cut = new bytes(length);
        for (uint256 i = 0; i < length && i < proof.length; i++) {
            cut[i] = proof[i];
        }
        vm.assertFalse(proved.verify(answer, cut));
    }

    function test_isOfOneChainAndOneContract() external {
        (Answer memory answer, bytes memory proof) = proven(1);
        ProvedResult twin = made(keyFor(input, output, 2, 2), false, false);
        vm.assertFalse(twin.verify(answer, proof));
        vm.chainId(block.chainid + 1);
        vm.assertFalse(proved.verify(answer, proof));
    }

    /// The model's answer to an input of the prover's choice, about the input that was asked.
    function testFuzz_answersTheInputThatWasAsked(uint256 seed, uint256 other) external view {
        int256[] memory given = draw(1, output);
        Answer memory answer = answerOf(draw(seed, input), given);
        int256[] memory taken = draw(other, input);
        bytes memory proof = provenOf(answer, elementsOf(input, taken), elementsOf(output, given));
        vm.assertEq(proved.verify(answer, proof), sha256(bodyOf(taken)) == answer.inputHash);
    }

    /// The same input once its values are cut out, and other elements.
    function testFuzz_refusesElementsWithMoreInThem(uint256 seed, uint256 bit) external view {
        int256[] memory given = draw(1, output);
        Answer memory answer = answerOf(draw(seed, input), given);
        uint256[] memory elements = elementsOf(input, draw(seed, input));
        // The second has nine values of forty.
        elements[1] |= 1 << bound(bit, 72, 253);
        vm.assertFalse(proved.verify(answer, provenOf(answer, elements, elementsOf(output, given))));
    }

    /// An output that is no row, proved about what would be packed of it.
    function testFuzz_refusesHeadsOfOutputs(uint256 at, uint256 value) external view {
        int256[] memory given = draw(1, output);
        Answer memory answer = answerOf(draw(1, input), given);
        at = bound(at, 0, 3);
        if (wordAt(answer.output, at) == value) return;
        setWord(answer.output, at, value);
        uint256[] memory nothing = new uint256[](elementsOf(output, given).length);
        vm.assertFalse(proved.verify(answer, provenOf(answer, elementsOf(input, draw(1, input)), nothing)));
    }

    function testFuzz_refusesOutputsBeyondTheRange(uint256 at, uint256 packed) external view {
        int256[] memory given = draw(1, output);
        at = bound(at, 0, 8);
        // Its highest bits are those of the value behind it, which has some of its own.
        packed = bound(packed, 1 << 32, (1 << 56) - 1);
        given[at] = -(1 << 31);
        uint256[] memory outputs = elementsOf(output, given);
        outputs[at / 7] |= packed << (32 * (at % 7));
        Answer memory answer = answerOf(draw(1, input), given);
        setWord(answer.output, 4 + at, packed - (1 << 31));
        vm.assertFalse(proved.verify(answer, provenOf(answer, elementsOf(input, draw(1, input)), outputs)));
    }

    /// A key serves one release, whatever other one somebody proves it for.
    function testFuzz_answersForItsOwnModelOnly(bytes32 other) external view {
        int256[] memory taken = draw(1, input);
        int256[] memory given = draw(2, output);
        Answer memory answer = answerOf(taken, given);
        answer.modelId = other;
        bytes memory proof = provenOf(answer, elementsOf(input, taken), elementsOf(output, given));
        vm.assertEq(proved.verify(answer, proof), other == MODEL);
    }

    function testFuzz_wantsTheReceiptsCommitment(uint256 seed, bytes32 other) external view {
        (Answer memory answer, bytes memory proof) = provenTo(address(withReceipt), seed);
        answer.commitment = COMMITMENT;
        vm.assertTrue(withReceipt.verify(answer, proof));
        answer.commitment = other;
        vm.assertEq(withReceipt.verify(answer, proof), other == COMMITMENT);
    }

    /// A receipt's word for no commitment, whatever somebody proves about it.
    function test_refusesACommitmentOfZero() external view {
        int256[] memory taken = draw(1, input);
        int256[] memory given = draw(2, output);
        Answer memory answer = answerOf(taken, given);
        uint256 point = pointOf(address(withReceipt), answer, 0);
        uint256[] memory elements = elementsOf(input, taken);
        uint256[8] memory proof = prove(0, evaluationAt(point, elements, elementsOf(output, given)), point, 5);
        vm.assertFalse(withReceipt.verify(answer, abi.encodePacked(uint256(0), proof, elements)));
    }

    function testFuzz_refusesOtherKeys(uint256 at, uint256 value) external {
        bytes memory key = keyFor(input, output, 2, 2);
        at = bound(at, 0, 32);
        // The hashes of files are whatever they are, and so are counts within their limits.
        if (at == 1 || at == 2 || value == wordAt(key, at)) return;
        if (at == 3 || at == 4) value = value % 2 == 0 ? 0 : bound(value, 1 << 32, type(uint256).max);
        if (at == 5 || at == 8) value = bound(value, 65, type(uint256).max);
        if (at == 6 || at == 9) value = bound(value, 2, type(uint256).max);
        if (at == 7 || at == 10) value = value % 2 == 0 ? 0 : bound(value, 4_097, type(uint256).max);
        setWord(key, at, value);
        vm.expectRevert();
        this.make(key, true);
    }

    function testFuzz_refusesKeysOfOtherLengths(uint256 length) external {
        length = bound(length, 0, 2_000);
        if (length == 1_056) return;
        bytes memory key = keyFor(input, output, 2, 2);
        assembly ("memory-safe") {
            mstore(key, length)
        }
        vm.expectRevert(CircuitKeys.CircuitKeyInvalid.selector);
        this.make(key, true);
    }

    /// Coordinates as the same numbers modulo the order of the field.
    function test_refusesASecondSpellingOfAKey() external {
        for (uint256 at = 11; at < 33; at++) {
            bytes memory key = keyFor(input, output, 2, 2);
            setWord(key, at, wordAt(key, at) + BASE);
            vm.expectRevert(CircuitKeys.PointInvalid.selector);
            // The precompile burns all but a 64th of what it is given.
            this.make{ gas: 100_000_000 }(key, true);
        }
    }

    /// Every point at infinity, and gamma where delta or its negative is: with each of these anybody proves anything.
    function test_refusesKeysThatProveAnything() external {
        uint256[2][8] memory points = [
            [uint256(11), 2],
            [uint256(13), 4],
            [uint256(17), 4],
            [uint256(21), 4],
            [uint256(25), 2],
            [uint256(27), 2],
            [uint256(29), 2],
            [uint256(31), 2]
        ];
        for (uint256 i = 0; i < points.length; i++) {
            bytes memory infinite = keyFor(input, output, 2, 2);
            for (uint256 j = 0; j < points[i][1]; j++) {
                setWord(infinite, points[i][0] + j, 0);
            }
            vm.expectRevert(CircuitKeys.PointInvalid.selector);
            this.make(infinite, true);
        }
        bytes memory key = keyFor(input, output, 2, 2);
        for (uint256 j = 0; j < 4; j++) {
            setWord(key, 21 + j, wordAt(key, 17 + j));
        }
        vm.expectRevert(CircuitKeys.PointInvalid.selector);
        this.make(key, true);
        setWord(key, 23, BASE - wordAt(key, 23));
        setWord(key, 24, BASE - wordAt(key, 24));
        vm.expectRevert(CircuitKeys.PointInvalid.selector);
        this.make(key, true);
    }

    /// Escrows.RESULT_VERIFIER_GAS. 64 bits are the dearest: only three of them are an element.
    function test_theWidestRowsFitIntoWhatASettlementGives() external {
        (input, output) = (RowFormat(64, true, 4_096), RowFormat(64, true, 4_096));
        ProvedResult widest = made(keyFor(input, output, 2, 2), false, false);
        (Answer memory answer, bytes memory proof) = provenTo(address(widest), 1);
        vm.assertTrue(widest.verify{ gas: 10_000_000 }(answer, proof));
    }

    function make(bytes calldata key, bool allowDev) external returns (ProvedResult) {
        return made(key, false, allowDev);
    }

    function proven(uint256 seed) private view returns (Answer memory, bytes memory) {
        return provenTo(address(proved), seed);
    }

    function provenTo(address verifier, uint256 seed) private view returns (Answer memory answer, bytes memory proof) {
        int256[] memory taken = draw(seed, input);
        int256[] memory given = draw(~seed, output);
        answer = answerOf(taken, given);
        uint256[] memory elements = elementsOf(input, taken);
        uint256 point = pointOf(verifier, answer, COMMITMENT);
        uint256 evaluation = evaluationAt(point, elements, elementsOf(output, given));
        proof = abi.encodePacked(COMMITMENT, prove(uint256(COMMITMENT), evaluation, point, 5), elements);
    }

    /// By somebody who knows the secrets, about whatever elements.
    function provenOf(Answer memory answer, uint256[] memory inputs, uint256[] memory outputs)
        private
        view
        returns (bytes memory)
    {
        uint256 point = pointOf(address(proved), answer, COMMITMENT);
        uint256 evaluation = evaluationAt(point, inputs, outputs);
        return abi.encodePacked(COMMITMENT, prove(uint256(COMMITMENT), evaluation, point, 5), inputs);
    }

    function answerOf(int256[] memory taken, int256[] memory given) private pure returns (Answer memory answer) {
        answer.escrow = keccak256("escrow");
        answer.modelId = MODEL;
        answer.inputHash = sha256(bodyOf(taken));
        answer.output = bodyOf(given);
        answer.payee = address(0xbeef);
    }

    function draw(uint256 seed, RowFormat memory format) private pure returns (int256[] memory values) {
        values = new int256[](format.count);
        int256 sign = format.signed ? int256(1 << (format.bits - 1)) : int256(0);
        for (uint256 i = 0; i < values.length; i++) {
            values[i] = int256(uint256(keccak256(abi.encode(seed, i))) >> (256 - format.bits)) - sign;
        }
    }
}
