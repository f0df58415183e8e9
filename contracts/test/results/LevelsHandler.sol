// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Receipt } from "../../src/log/Receipt.sol";
import { RowFormat } from "../../src/proved/Rows.sol";
import { Answer, IResultVerifier } from "../../src/results/IResultVerifier.sol";
import { Approval, Auditor } from "../../src/results/ReplayedResult.sol";
import { EscrowState, Terms } from "../../src/settlement/Escrows.sol";
import { SettlementFixture } from "../settlement/SettlementFixture.sol";
import { ProvedFixture } from "./ProvedFixture.sol";

interface IEvaluates is IResultVerifier {
    function MODEL_ID() external view returns (bytes32);
    function evaluate(bytes calldata input) external view returns (bytes memory);
}

/**
 * One question, asked at every level and answered by everything that anybody could send: the right word for its level, the
 * right words of other levels, words about other escrows, copies with another payee, and whatever has settled one already.
 * What must not succeed and does counts as a breach. Receipts, approvals and proofs are really checked.
 */
contract LevelsHandler is SettlementFixture, ProvedFixture {
    enum Level {
        Attested,
        Replayed,
        Recomputed,
        Proved,
        AttestedAndProved
    }

    uint256 private constant LEVELS = 5;
    uint256 private constant FIRST_AUDITOR = 0xa0d1;

    RowFormat private inputFormat = RowFormat(8, false, 16);
    RowFormat private outputFormat = RowFormat(32, true, 1);
    int256[] private taken;
    int256[] private given;
    bytes private input;
    bytes private output;
    bytes32 private modelId;
    address[LEVELS] private verifiers;

    bytes32[] public escrows;
    mapping(bytes32 escrow => Level) public levelOf;
    mapping(bytes32 escrow => Terms) private asked;
    mapping(bytes32 escrow => uint256) public settled;
    mapping(bytes32 escrow => uint256) public paid;
    /// Calls that have settled something: not one of them may ever succeed again.
    bytes[] private done;
    uint256[LEVELS] public settledAt;
    uint256 public breaches;
    uint256 private sizes = 5;

    constructor() {
        deploy();
        loadTrapdoor();
        IEvaluates recomputed = IEvaluates(recomputedContract());
        modelId = recomputed.MODEL_ID();
        for (uint256 i = 0; i < 16; i++) {
            taken.push(int256(3 + 5 * i));
        }
        input = bodyOf(taken);
        output = recomputed.evaluate(input);
        given.push(int256(wordAt(output, 4)));
        bytes memory key = keyFor(inputFormat, outputFormat, 2, 2);
        verifiers = [
            address(attested),
            made("ReplayedResult.sol:ReplayedResult", abi.encode(auditors(), 2)),
            address(recomputed),
            made("ProvedResult.sol:ProvedResult", abi.encode(key, modelId, false, false)),
            made("ProvedResult.sol:ProvedResult", abi.encode(key, modelId, true, false))
        ];
        for (uint256 level = 0; level < LEVELS; level++) {
            open(level, 60);
        }
    }

    function open(uint256 level, uint256 price) public {
        level %= LEVELS;
        Terms memory wanted = terms();
        (wanted.modelId, wanted.resultVerifier) = (modelId, verifiers[level]);
        if (!IResultVerifier(wanted.resultVerifier).needsReceipt()) wanted.policy = address(0);
        wanted.unitPrice = bound(price, 1, 150);
        fund(requester, 100);
        vm.prank(requester);
        bytes32 id = settlement.openEscrow(wanted, input);
        escrows.push(id);
        (levelOf[id], asked[id]) = (Level(level), wanted);
    }

    /// With the word that its level wants, or in one of six with that of another level, or about another escrow.
    function settleSome(uint256 which, uint256 with, bool byReceipt) external {
        bytes32 id = recent(which);
        Level level = levelOf[id];
        Level word = with % 6 == 0 ? Level(with % LEVELS) : level;
        bytes32 about = with % 7 == 0 ? escrows[with % escrows.length] : id;
        if (with % 6 != 0) byReceipt = needsReceipt(level);
        bool right = byReceipt == needsReceipt(level) && wordOf(word) == wordOf(level);
        // An input says nothing of the escrow that it answers.
        right = right && (about == id || level == Level.Recomputed);
        // The same contract would have taken it, but for the address in its words.
        if (wordOf(level) == Word.Proof) right = right && word == level;
        bytes memory call = byReceipt ? receiptCall(id, about, word) : provenCall(id, about, word, operator, operator);
        send(id, call, right, operator);
    }

    /// A proof on its way, sent with another payee. Where the chain computes, whoever is first is paid; else nobody is.
    function copySome(uint256 which) external {
        bytes32 id = recent(which);
        if (needsReceipt(levelOf[id])) return;
        bytes memory call = provenCall(id, id, levelOf[id], operator, stranger);
        send(id, call, levelOf[id] == Level.Recomputed, stranger);
    }

    /// Anybody can make another proof of a proof.
    function changeSome(uint256 which) external {
        bytes32 id = recent(which);
        if (levelOf[id] != Level.Proved) return;
        bytes memory proof = wordFor(id, Level.Proved, operator);
        setWord(proof, 2, BASE - wordAt(proof, 2));
        setWord(proof, 5, BASE - wordAt(proof, 5));
        setWord(proof, 6, BASE - wordAt(proof, 6));
        send(id, abi.encodeCall(settlement.fulfilProven, (id, output, operator, proof)), true, operator);
    }

    /// Another answer than the model's, under words that are right for the right one.
    function lieAbout(uint256 which, int32 other) external {
        bytes32 id = recent(which);
        if (levelOf[id] == Level.Attested || int256(other) == given[0]) return;
        bytes memory wrong = abi.encodePacked(output);
        setWord(wrong, 4, uint256(int256(other)));
        bytes memory proof = wordFor(id, levelOf[id], operator);
        bytes memory call = needsReceipt(levelOf[id])
            ? abi.encodeCall(settlement.fulfil, (id, wrong, logged(WORKER_KEY, LOG, receiptOf(id, wrong)), proof))
            : abi.encodeCall(settlement.fulfilProven, (id, wrong, operator, proof));
        send(id, call, false, operator);
    }

    function repeatSome(uint256 which) external {
        if (done.length == 0) return;
        (bool sent,) = address(settlement).call(done[which % done.length]);
        if (sent) breaches++;
    }

    function refundSome(uint256 which) external {
        bytes32 id = recent(which);
        uint256 before = settlement.creditOf(requester);
        bool inTime = block.timestamp <= asked[id].deadline;
        bool wasOpen = settlement.escrowOf(id).state == EscrowState.Open;
        try settlement.refund(id) {
            if (inTime || !wasOpen || settlement.creditOf(requester) - before != 100) breaches++;
            settled[id]++;
        } catch {
            if (!inTime && wasOpen) breaches++;
        }
    }

    function withdraw(uint256 who) external {
        address account = [operator, stranger, requester][who % 3];
        uint256 credit = settlement.creditOf(account);
        vm.prank(account);
        settlement.withdraw(account, credit);
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 40 minutes));
        vm.roll(block.number + 1);
        // The worker proves itself again, as one does every day.
        enrol(LOG, WORKER_KEY, operator);
    }

    function escrowCount() external view returns (uint256) {
        return escrows.length;
    }

    function parts() external view returns (address, address, address[3] memory) {
        return (address(settlement), address(token), [operator, stranger, requester]);
    }

    function send(bytes32 id, bytes memory call, bool right, address payee) private {
        bool canSettle =
            settlement.escrowOf(id).state == EscrowState.Open && block.timestamp <= asked[id].deadline && right;
        uint256 fee = asked[id].unitPrice < 100 ? asked[id].unitPrice : 100;
        (uint256 payeeHad, uint256 requesterHad) = (settlement.creditOf(payee), settlement.creditOf(requester));
        // What a settlement needs at most, since a refused pairing burns all that it is given.
        (bool sent,) = address(settlement).call{ gas: 12_000_000 }(call);
        if (sent != canSettle) breaches++;
        if (!sent) return;
        if (settlement.creditOf(payee) - payeeHad != fee) breaches++;
        if (settlement.creditOf(requester) - requesterHad != 100 - fee) breaches++;
        settled[id]++;
        settledAt[uint256(levelOf[id])]++;
        done.push(call);
    }

    function receiptCall(bytes32 id, bytes32 about, Level word) private returns (bytes memory) {
        bytes memory proof = wordFor(about, word, operator);
        Receipt memory receipt = receiptOf(about, output);
        return abi.encodeCall(settlement.fulfil, (id, output, loggedIn(WORKER_KEY, LOG, receipt, sizes++), proof));
    }

    function provenCall(bytes32 id, bytes32 about, Level word, address proven, address payee)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(settlement.fulfilProven, (id, output, payee, wordFor(about, word, proven)));
    }

    function receiptOf(bytes32 id, bytes memory said) private view returns (Receipt memory receipt) {
        receipt = answerTo(id, asked[id], input, said);
        receipt.commitment = commitmentOf(id);
    }

    /// What a level wants besides a receipt: a proof for that level's contract.
    function wordFor(bytes32 id, Level level, address payee) private view returns (bytes memory) {
        if (level == Level.Attested) return "";
        if (level == Level.Recomputed) return input;
        Answer memory answer;
        (answer.escrow, answer.modelId, answer.inputHash) = (id, modelId, sha256(input));
        (answer.output, answer.payee) = (output, payee);
        address verifier = verifiers[uint256(level)];
        if (level == Level.Replayed) return approvals(answer, verifier);
        uint256 point = pointOf(verifier, answer, commitmentOf(id));
        uint256[] memory elements = elementsOf(inputFormat, taken);
        uint256 evaluation = evaluationAt(point, elements, elementsOf(outputFormat, given));
        uint256[8] memory proof = prove(uint256(commitmentOf(id)), evaluation, point, uint256(id) % ORDER);
        return abi.encodePacked(commitmentOf(id), proof, elements);
    }

    function approvals(Answer memory answer, address verifier) private view returns (bytes memory) {
        bytes32 digest = sha256(
            abi.encodePacked(
                bytes32("proofmark approval v1"),
                uint256(block.chainid),
                uint256(uint160(verifier)),
                answer.escrow,
                LOG,
                answer.modelId,
                answer.inputHash,
                sha256(answer.output),
                EXECUTION
            )
        );
        Approval[] memory list = new Approval[](2);
        for (uint256 i = 0; i < 2; i++) {
            uint256 auditor = i + (uint256(answer.escrow) % 2) * i;
            (bytes32 r, bytes32 s) = signLow(FIRST_AUDITOR + auditor, digest);
            list[i] = Approval(auditor, r, s);
        }
        return abi.encode(list);
    }

    function auditors() private pure returns (Auditor[] memory list) {
        list = new Auditor[](3);
        for (uint256 i = 0; i < 3; i++) {
            (uint256 x, uint256 y) = vm.publicKeyP256(FIRST_AUDITOR + i);
            list[i] = Auditor(bytes32(x), bytes32(y));
        }
    }

    /// Stands for Poseidon's: of this escrow and no other.
    function commitmentOf(bytes32 id) private pure returns (bytes32) {
        return bytes32(uint256(keccak256(abi.encode("commitment", id))) % ORDER);
    }

    enum Word {
        Nothing,
        Approvals,
        Input,
        Proof
    }

    function wordOf(Level level) private pure returns (Word) {
        if (level == Level.Attested) return Word.Nothing;
        if (level == Level.Replayed) return Word.Approvals;
        return level == Level.Recomputed ? Word.Input : Word.Proof;
    }

    function needsReceipt(Level level) private pure returns (bool) {
        return level == Level.Attested || level == Level.Replayed || level == Level.AttestedAndProved;
    }

    function recent(uint256 which) private view returns (bytes32) {
        uint256 span = escrows.length < 8 ? escrows.length : 8;
        return escrows[escrows.length - 1 - which % span];
    }

    function recomputedContract() private returns (address at) {
        bytes memory code = vm.parseJsonBytes(vm.readFile("./test/fixtures/recomputed-volatility.json"), ".code");
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
        }
    }
}
