// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Answer } from "../../src/results/IResultVerifier.sol";
import { ProvedResult } from "../../src/results/ProvedResult.sol";
import { ProvedFixture } from "./ProvedFixture.sol";

/**
 * One answer of volatility-1h-int8, proved by the circuit that its release names: `make vectors` makes the proof, of another
 * chance each time, where the committed one is of another model. It names a contract, whose code stands there in this test.
 */
/// forge-config: default.fuzz.runs = 256
contract ProvedRealTest is ProvedFixture {
    ProvedResult private proved;
    Answer private answer;
    bytes private proof;
    bytes private key;

    function setUp() external {
        string memory file = vm.readFile("./test/fixtures/proved-volatility.json");
        key = vm.parseJsonBytes(file, ".key");
        proof = vm.parseJsonBytes(file, ".proof");
        answer.escrow = wordIn(file, ".escrow");
        answer.modelId = wordIn(file, ".modelId");
        answer.inputHash = sha256(vm.parseJsonBytes(file, ".input"));
        answer.output = vm.parseJsonBytes(file, ".output");
        answer.payee = abi.decode(vm.parseJson(file, ".payee"), (address));
        proved = ProvedResult(abi.decode(vm.parseJson(file, ".verifier"), (address)));
        vm.etch(address(proved), address(made(key, answer.modelId, false, true)).code);
        vm.assertEq(block.chainid, vm.parseJsonUint(file, ".chainId"));
    }

    function test_takesTheModelsAnswer() external view {
        vm.assertTrue(proved.verify(answer, proof));
        vm.assertEq(proved.KEY_HASH(), sha256(key));
    }

    /// The committed key was made by one party, as it says.
    function test_isOfADevSetup() external {
        vm.assertTrue(proved.IS_DEV());
        vm.expectRevert(ProvedResult.DevSetup.selector);
        this.make(false);
    }

    function testFuzz_takesNoOtherAnswer(int32 other) external view {
        Answer memory wrong = answer;
        if (int256(wordAt(wrong.output, 4)) == other) return;
        setWord(wrong.output, 4, uint256(int256(other)));
        vm.assertFalse(proved.verify(wrong, proof));
    }

    function testFuzz_takesNoOtherBit(uint256 at) external view {
        bytes memory changed = proof;
        at = bound(at, 0, changed.length * 8 - 1);
        changed[at / 8] ^= bytes1(uint8(1 << (at % 8)));
        vm.assertFalse(proved.verify(answer, changed));
    }

    function testFuzz_paysNobodyElse(address payee) external view {
        Answer memory copied = answer;
        copied.payee = payee;
        vm.assertEq(proved.verify(copied, proof), payee == answer.payee);
    }

    function testFuzz_answersNoOtherEscrow(bytes32 escrow) external view {
        Answer memory copied = answer;
        copied.escrow = escrow;
        vm.assertEq(proved.verify(copied, proof), escrow == answer.escrow);
    }

    function make(bool allowDev) external returns (ProvedResult) {
        return made(key, answer.modelId, false, allowDev);
    }

    function wordIn(string memory file, string memory name) private pure returns (bytes32) {
        return abi.decode(vm.parseJson(file, name), (bytes32));
    }
}
