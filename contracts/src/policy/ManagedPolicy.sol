// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SnpProduct } from "../evidence/IEvidenceVerifier.sol";
import { Hardware } from "./Hardware.sol";
import { HardwareRules, MicrocodeMinima, PolicySetup, Standing, Subject, TcbFloors } from "./PolicyTypes.sol";
import { WorkerPolicy } from "./WorkerPolicy.sol";

/// What can change, and the arguments that `content` holds, ABI-encoded.
enum ChangeKind {
    /// (Subject subject, bytes32 id, Standing standing, bytes32 provenance)
    Standing,
    /// (Subject subject, bool any)
    Any,
    /// (HardwareRules rules)
    Hardware,
    /// (SnpProduct product, TcbFloors floors)
    Floors,
    /// (SnpProduct product, uint8 model, uint8 stepping, MicrocodeMinima minima)
    Microcode,
    /// (address owner)
    Owner
}

/// A loosening that was announced. All zero: none, or it was activated or cancelled.
struct Proposal {
    uint48 readyAt;
    uint48 expiresAt;
    /// How often what it changes had changed when it was proposed.
    uint64 revision;
}

error DelayOutOfBounds(uint256 delay);
error OwnerInvalid();
error NotOwner(address sender);
/// Who will own the policy has to take it up itself, so that it cannot be lost to an address that nobody has.
error NotNominee(address sender);
/// Content that is not exactly the arguments of its kind.
error ContentInvalid();
/// Something would be accepted that is not accepted now. Propose it.
error Loosens();
error AlreadyProposed(bytes32 proposal);
error NotProposed(bytes32 proposal);
error NotReady(uint48 readyAt);
error Expired(uint48 expiresAt);
/// What it changes has changed since: a denial, say, that it would take back without a delay of its own.
error Superseded(bytes32 proposal);

/**
 * A policy with an owner whom requesters choose by naming it (DESIGN sections 1 and 8). The owner can refuse at once, and
 * accept after a delay that nobody can shorten, so that whoever relies on the policy sees every new image, lower minimum or
 * lifted denial before it counts, and can leave. The owner never touches money, nor what other policies say.
 *
 * `tighten` applies a change at once where it accepts nothing new. Every other change is proposed, waits, and is activated
 * by anybody before it expires. A proposal is the hash of its exact content. It dies when what it changes is changed in
 * the meantime, by a denial as by another proposal.
 *
 * A new owner is a loosening too: whoever chose the policy chose its owner.
 *
 * INTEGRATOR RESPONSIBILITIES. Watch `Proposed`: after `DELAY` its content may count. An owner that does not act refuses
 * nothing; `expiresAt` in the hardware rules is when such a policy ends.
 */
contract ManagedPolicy is WorkerPolicy {
    uint256 public constant MINIMUM_DELAY = 1 days;
    uint256 public constant MAXIMUM_DELAY = 90 days;
    /// For how long a proposal that waited its time can be activated: what nobody wanted by then was a mistake.
    uint256 public constant ACTIVATION_WINDOW = 14 days;

    uint256 public immutable DELAY;

    address public owner;
    mapping(bytes32 proposal => Proposal) private proposals;
    /// How often each thing has changed since the beginning.
    mapping(bytes32 target => uint64) private revisions;

    event DelayFixed(uint256 delay);
    /// The first one ends the deployment: every change after it counts as a revision of what it changes.
    event OwnerChanged(address indexed owner);
    event Proposed(bytes32 indexed proposal, ChangeKind indexed kind, bytes content, uint48 readyAt, uint48 expiresAt);
    event Activated(bytes32 indexed proposal);
    event Cancelled(bytes32 indexed proposal);

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    constructor(PolicySetup memory setup, address owner_, uint256 delay) WorkerPolicy(setup) {
        if (delay < MINIMUM_DELAY || delay > MAXIMUM_DELAY) revert DelayOutOfBounds(delay);
        DELAY = delay;
        emit DelayFixed(delay);
        setOwner(owner_);
    }

    /// Applies at once what accepts nothing new: a denial, a higher minimum, one product line less. Also what changes
    /// nothing, which kills whatever was proposed for the same thing.
    function tighten(ChangeKind kind, bytes calldata content) external onlyOwner {
        checkContent(kind, content);
        if (!isTightening(kind, content)) revert Loosens();
        apply_(kind, content);
    }

    function propose(ChangeKind kind, bytes calldata content) external onlyOwner returns (bytes32 proposal) {
        checkContent(kind, content);
        proposal = proposalOf(kind, content);
        uint64 revision = revisions[targetOf(kind, content)];
        Proposal memory earlier = proposals[proposal];
        // One that can no longer be activated may be made again; to start a live one anew, cancel it first.
        if (earlier.expiresAt >= block.timestamp && earlier.revision == revision) revert AlreadyProposed(proposal);
        uint48 readyAt = uint48(block.timestamp + DELAY);
        uint48 expiresAt = uint48(readyAt + ACTIVATION_WINDOW);
        proposals[proposal] = Proposal(readyAt, expiresAt, revision);
        emit Proposed(proposal, kind, content, readyAt, expiresAt);
    }

    /// Open to everybody, except that a new owner comes by itself.
    function activate(ChangeKind kind, bytes calldata content) external {
        bytes32 id = proposalOf(kind, content);
        Proposal memory proposal = proposals[id];
        if (proposal.readyAt == 0) revert NotProposed(id);
        if (block.timestamp < proposal.readyAt) revert NotReady(proposal.readyAt);
        if (block.timestamp > proposal.expiresAt) revert Expired(proposal.expiresAt);
        if (proposal.revision != revisions[targetOf(kind, content)]) revert Superseded(id);
        if (kind == ChangeKind.Owner && msg.sender != abi.decode(content, (address))) revert NotNominee(msg.sender);
        delete proposals[id];
        emit Activated(id);
        apply_(kind, content);
    }

    function cancel(bytes32 proposal) external onlyOwner {
        if (proposals[proposal].readyAt == 0) revert NotProposed(proposal);
        delete proposals[proposal];
        emit Cancelled(proposal);
    }

    /// The name under which a change is proposed.
    function proposalOf(ChangeKind kind, bytes calldata content) public pure returns (bytes32) {
        return keccak256(abi.encode(kind, content));
    }

    function proposalAt(bytes32 proposal) external view returns (Proposal memory) {
        return proposals[proposal];
    }

    /// Whether `tighten` would take it.
    function isTightening(ChangeKind kind, bytes calldata content) public view returns (bool) {
        if (kind == ChangeKind.Standing) return tightensStanding(content);
        if (kind == ChangeKind.Any) {
            (, bool any) = abi.decode(content, (Subject, bool));
            return !any;
        }
        if (kind == ChangeKind.Hardware) {
            return Hardware.isAsStrict(abi.decode(content, (HardwareRules)), currentHardware());
        }
        if (kind == ChangeKind.Floors) {
            (SnpProduct product, TcbFloors memory floors) = abi.decode(content, (SnpProduct, TcbFloors));
            return Hardware.isAsStrict(floors, currentFloors(product));
        }
        if (kind == ChangeKind.Microcode) return tightensMicrocode(content);
        return false;
    }

    function tightensStanding(bytes calldata content) private view returns (bool) {
        (Subject subject, bytes32 id, Standing standing,) = abi.decode(content, (Subject, bytes32, Standing, bytes32));
        if (standing == Standing.Denied) return true;
        // Taking an entry back from a list of accepted ones; from a list of denied ones it would loosen.
        return standing == Standing.Unlisted && currentStanding(subject, id) != Standing.Denied;
    }

    function tightensMicrocode(bytes calldata content) private view returns (bool) {
        (SnpProduct product, uint8 model, uint8 stepping, MicrocodeMinima memory minima) =
            abi.decode(content, (SnpProduct, uint8, uint8, MicrocodeMinima));
        return Hardware.isAsStrict(minima, currentMicrocode(product, model, stepping));
    }

    /// Refuses at the proposal what could not be applied in the end, and content with bytes that say nothing.
    function checkContent(ChangeKind kind, bytes calldata content) private pure {
        if (content.length != contentLength(kind)) revert ContentInvalid();
        if (kind == ChangeKind.Standing) {
            (Subject subject, bytes32 id, Standing standing, bytes32 provenance) =
                abi.decode(content, (Subject, bytes32, Standing, bytes32));
            checkStanding(subject, id, standing, provenance);
        } else if (kind == ChangeKind.Any) {
            (Subject subject,) = abi.decode(content, (Subject, bool));
            checkAny(subject);
        } else if (kind == ChangeKind.Hardware) {
            Hardware.check(abi.decode(content, (HardwareRules)));
        } else if (kind == ChangeKind.Floors) {
            (SnpProduct product, TcbFloors memory floors) = abi.decode(content, (SnpProduct, TcbFloors));
            Hardware.check(product, floors);
        } else if (kind == ChangeKind.Microcode) {
            (SnpProduct product,,, MicrocodeMinima memory minima) =
                abi.decode(content, (SnpProduct, uint8, uint8, MicrocodeMinima));
            Hardware.check(product, minima);
        } else if (abi.decode(content, (address)) == address(0)) {
            revert OwnerInvalid();
        }
    }

    function contentLength(ChangeKind kind) private pure returns (uint256) {
        if (kind == ChangeKind.Standing) return 4 * 32;
        if (kind == ChangeKind.Any) return 2 * 32;
        if (kind == ChangeKind.Hardware) return 13 * 32;
        if (kind == ChangeKind.Floors) return 10 * 32;
        if (kind == ChangeKind.Microcode) return 7 * 32;
        return 32;
    }

    /// What a change is about: two changes of one thing exclude each other.
    function targetOf(ChangeKind kind, bytes calldata content) private pure returns (bytes32) {
        uint256 words = 0;
        if (kind == ChangeKind.Standing) words = 2;
        else if (kind == ChangeKind.Any || kind == ChangeKind.Floors) words = 1;
        else if (kind == ChangeKind.Microcode) words = 3;
        return keccak256(abi.encode(kind, content[:32 * words]));
    }

    function apply_(ChangeKind kind, bytes calldata content) private {
        revisions[targetOf(kind, content)]++;
        if (kind == ChangeKind.Standing) {
            (Subject subject, bytes32 id, Standing standing, bytes32 provenance) =
                abi.decode(content, (Subject, bytes32, Standing, bytes32));
            setStanding(subject, id, standing, provenance);
        } else if (kind == ChangeKind.Any) {
            (Subject subject, bool any) = abi.decode(content, (Subject, bool));
            setAny(subject, any);
        } else if (kind == ChangeKind.Hardware) {
            setHardware(abi.decode(content, (HardwareRules)));
        } else if (kind == ChangeKind.Floors) {
            (SnpProduct product, TcbFloors memory floors) = abi.decode(content, (SnpProduct, TcbFloors));
            setFloors(product, floors);
        } else if (kind == ChangeKind.Microcode) {
            (SnpProduct product, uint8 model, uint8 stepping, MicrocodeMinima memory minima) =
                abi.decode(content, (SnpProduct, uint8, uint8, MicrocodeMinima));
            setMicrocode(product, model, stepping, minima);
        } else {
            setOwner(abi.decode(content, (address)));
        }
    }

    function setOwner(address next) private {
        if (next == address(0)) revert OwnerInvalid();
        owner = next;
        emit OwnerChanged(next);
    }
}
