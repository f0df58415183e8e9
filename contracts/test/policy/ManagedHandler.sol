// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SnpProduct, SnpSigner } from "../../src/evidence/IEvidenceVerifier.sol";
import { ChangeKind, ManagedPolicy } from "../../src/policy/ManagedPolicy.sol";
import {
    GUEST_DEBUG,
    GUEST_MIGRATE_MA,
    HardwareRules,
    LINE_GENOA_VCEK,
    LINE_MILAN_VCEK,
    MicrocodeMinima,
    Standing,
    Subject,
    TcbFloor,
    TcbFloors
} from "../../src/policy/PolicyTypes.sol";
import { SnpDefaults } from "../../src/policy/SnpDefaults.sol";
import { Worker } from "../../src/registry/IWorkerRegistry.sol";
import { ManagedFixture } from "./ManagedFixture.sol";

/**
 * An owner who proposes, tightens and cancels at random, strangers who activate, and time. Keeps its own account of when
 * what was proposed and last changed, and looks at a dozen workers before and after every step.
 */
contract ManagedHandler is ManagedFixture {
    struct Announced {
        ChangeKind kind;
        bytes content;
        uint256 at;
        /// Steps, since several things happen in one second.
        uint256 step;
    }

    uint256 private constant WORKERS = 10;

    Announced[] private announced;
    mapping(bytes32 proposal => uint256) private latest;
    mapping(bytes32 target => uint256) private changedAt;
    uint256 private step;
    /// What was accepted after the last step; nothing but steps changes anything.
    uint256 private seen;

    uint256 public loosenedEarly;
    uint256 public deniedTooLate;
    uint256 public proposed;
    uint256 public activated;
    uint256 public loosened;
    uint256 public tightened;
    uint256 public cancelled;
    uint256 public refused;

    constructor() {
        vm.warp(1_800_000_000);
        policy = newManaged(standardSetup(), OWNER, DELAY);
        for (uint256 i = 0; i < WORKERS; i++) {
            registry.set(bytes32(i), workerAt(i));
        }
        seen = verdicts();
    }

    /// Not among what forge calls at random: it would begin anew with another policy.
    function setUp() public pure override { }

    /// Each differs from an accepted one in something that changes rule on.
    function workerAt(uint256 i) private pure returns (Worker memory worker) {
        worker = i < 3 ? nitro() : genoa();
        worker.certificates = certificates(1);
        if (i == 1 || i == 4) worker.image = name(1);
        if (i == 2) worker.config = name(1);
        if (i == 5) worker.platformId = name(1);
        if (i == 6) worker.snp.product = SnpProduct.Milan;
        if (i == 7) worker.snp.guestPolicy |= GUEST_DEBUG;
        if (i == 8) {
            uint64 older = worker.snp.reportedTcb - (1 << 8);
            (worker.snp.reportedTcb, worker.snp.launchTcb) = (older, older);
            (worker.snp.currentTcb, worker.snp.committedTcb) = (older, older);
        }
        if (i == 9) (worker.snp.signer, worker.snp.cloud) = (SnpSigner.Vlek, name(1));
    }

    function name(uint256 which) private pure returns (bytes32) {
        return bytes32(uint256(0x1000 + which));
    }

    function verdicts() private view returns (uint256 bits) {
        for (uint256 i = 0; i < WORKERS; i++) {
            if (policy.accepts(bytes32(i))) bits |= 1 << i;
        }
        if (policy.acceptsExecution(EXECUTION)) bits |= 1 << WORKERS;
        if (policy.acceptsExecution(name(1))) bits |= 1 << (WORKERS + 1);
    }

    function proposeChange(uint256 seed) external {
        uint256 before = seen;
        (ChangeKind kind, bytes memory content) = changeFrom(seed);
        step++;
        vm.prank(OWNER);
        try policy.propose(kind, content) returns (bytes32 id) {
            latest[id] = announced.length;
            announced.push(Announced(kind, content, block.timestamp, step));
            proposed++;
        } catch { }
        nothingNew(before);
    }

    function tightenSomething(uint256 seed) external {
        // Were it as frequent as the others, nothing would be left to accept.
        if (seed % 4 != 0) return;
        uint256 before = seen;
        (ChangeKind kind, bytes memory content) = changeFrom(seed / 4);
        step++;
        vm.prank(OWNER);
        try policy.tighten(kind, content) {
            changedAt[targetOf(kind, content)] = step;
            tightened++;
            if (kind == ChangeKind.Standing) checkDenied(content);
        } catch {
            refused++;
        }
        nothingNew(before);
    }

    function activateSomething(uint256 seed, address sender) external {
        if (announced.length == 0) return;
        uint256 before = seen;
        // Mostly recent ones: old ones have expired.
        uint256 back = bound(seed, 0, announced.length < 12 ? announced.length - 1 : 11);
        Announced memory chosen = announced[announced.length - 1 - back];
        step++;
        vm.prank(sender);
        try policy.activate(chosen.kind, chosen.content) {
            activated++;
            Announced memory last = announced[latest[policy.proposalOf(chosen.kind, chosen.content)]];
            bytes32 target = targetOf(chosen.kind, chosen.content);
            bool late = block.timestamp >= last.at + DELAY && changedAt[target] < last.step;
            changedAt[target] = step;
            if (!late) loosenedEarly++;
            seen = verdicts();
            if (seen & ~before != 0) loosened++;
        } catch {
            nothingNew(before);
        }
    }

    function cancelSomething(uint256 seed) external {
        if (announced.length == 0 || seed % 4 != 0) return;
        uint256 before = seen;
        Announced memory chosen = announced[bound(seed / 4, 0, announced.length - 1)];
        bytes32 id = policy.proposalOf(chosen.kind, chosen.content);
        vm.prank(OWNER);
        try policy.cancel(id) {
            cancelled++;
        } catch { }
        nothingNew(before);
    }

    function pass(uint256 time) external {
        uint256 before = seen;
        vm.warp(block.timestamp + bound(time, 1, 4 days));
        nothingNew(before);
    }

    function nothingNew(uint256 before) private {
        seen = verdicts();
        if (seen & ~before != 0) loosenedEarly++;
    }

    /// Of whatever has just been denied, no worker is accepted.
    function checkDenied(bytes memory content) private {
        (Subject subject, bytes32 id, Standing next,) = abi.decode(content, (Subject, bytes32, Standing, bytes32));
        if (next != Standing.Denied) return;
        if (subject == Subject.Execution && policy.acceptsExecution(id)) deniedTooLate++;
        for (uint256 i = 0; i < WORKERS; i++) {
            Worker memory worker = workerAt(i);
            bool named = (subject == Subject.Image && worker.image == id)
                || (subject == Subject.Config && worker.config == id)
                || (subject == Subject.Platform && worker.platformId == id)
                || (subject == Subject.Certificate && worker.certificates[0] == id)
                || (subject == Subject.Cloud && worker.snp.cloud == id);
            if (named && policy.accepts(bytes32(i))) deniedTooLate++;
        }
    }

    function targetOf(ChangeKind kind, bytes memory content) private pure returns (bytes32) {
        if (kind == ChangeKind.Standing) {
            (Subject subject, bytes32 id,,) = abi.decode(content, (Subject, bytes32, Standing, bytes32));
            return keccak256(abi.encode("standing", subject, id));
        }
        if (kind == ChangeKind.Any) {
            (Subject subject,) = abi.decode(content, (Subject, bool));
            return keccak256(abi.encode("any", subject));
        }
        return keccak256(abi.encode("one of", kind));
    }

    function changeFrom(uint256 seed) private view returns (ChangeKind kind, bytes memory content) {
        uint256 which = seed % 8;
        seed /= 8;
        if (which < 3) return (ChangeKind.Standing, standingFrom(seed));
        if (which == 3) {
            return (ChangeKind.Any, abi.encode(Subject(1 + (seed % 6)), seed / 6 % 2 == 0));
        }
        if (which < 6) return (ChangeKind.Hardware, abi.encode(hardwareFrom(seed)));
        if (which == 6) {
            TcbFloor memory floor = TcbFloor(false, false, 0x0a00_0000_0000_0000 + uint64((0x1a + seed % 3) << 8));
            return (ChangeKind.Floors, abi.encode(SnpProduct.Genoa, TcbFloors(floor, floor, floor)));
        }
        MicrocodeMinima memory minima;
        if (seed % 4 != 0) minima = MicrocodeMinima(true, 84, uint8(83 + seed % 4), 84);
        return (ChangeKind.Microcode, abi.encode(SnpProduct.Genoa, uint8(17), uint8(1), minima));
    }

    function standingFrom(uint256 seed) private pure returns (bytes memory) {
        Subject subject = Subject(seed % 8);
        Standing next = Standing(seed / 8 % 3);
        bytes32 id = seed / 24 % 2 == 0 ? name(1) : known(subject);
        if (subject == Subject.Certificate && next == Standing.Accepted) next = Standing.Denied;
        bool needed = subject == Subject.Image && next == Standing.Accepted;
        return abi.encode(subject, id, next, needed ? PROVENANCE : bytes32(0));
    }

    function known(Subject subject) private pure returns (bytes32) {
        if (subject == Subject.Image) return IMAGE;
        if (subject == Subject.Config) return CONFIG;
        if (subject == Subject.Runtime) return RUNTIME;
        if (subject == Subject.Execution) return EXECUTION;
        if (subject == Subject.Operator) return bytes32(uint256(uint160(OPERATOR)));
        if (subject == Subject.Platform) return PLATFORM;
        if (subject == Subject.Cloud) return CLOUD;
        return certificate(0);
    }

    function hardwareFrom(uint256 seed) private view returns (HardwareRules memory rules) {
        rules = SnpDefaults.hardware(seed % 5 == 0 ? uint48(block.timestamp + 20 days) : END);
        if (seed / 5 % 2 == 0) rules.lines |= LINE_MILAN_VCEK;
        if (seed / 10 % 4 == 0) rules.lines &= ~LINE_GENOA_VCEK;
        if (seed / 40 % 2 == 0) rules.guestClear = GUEST_MIGRATE_MA;
    }
}
