// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { KnownCode } from "../chain/KnownCode.sol";
import { AMD_SEV_SNP, AWS_NITRO, Evidence, IEvidenceVerifier } from "../evidence/IEvidenceVerifier.sol";
import { Digest384, Sha384 } from "../hash/Sha384.sol";
import { WorkerIdentity } from "../identity/WorkerIdentity.sol";
import { P256 } from "../p256/P256.sol";
import { Challenges } from "./Challenges.sol";
import { Worker } from "./IWorkerRegistry.sol";
import { Revocations } from "./Revocations.sol";

bytes32 constant REGISTER_TAG = "proofmark register v1";

/// Everything that a registry is fixed to when it is deployed.
struct RegistrySettings {
    IEvidenceVerifier nitro;
    IEvidenceVerifier snp;
    address sha384;
    /// Seconds from the evidence's date until a log has to be renewed.
    uint256 lifetime;
    /// See Challenges.
    uint256 challengeBlocks;
    /// Seconds by which Nitro's own clock may be behind this chain's, and ahead of it.
    uint256 maxAge;
    uint256 maxSkew;
}

/// What a worker's operator sends: the same for a registration and for a renewal.
struct Registration {
    bytes32 tee;
    bytes32[10] identity;
    bytes evidence;
    bytes hints;
    /// The block that the evidence's challenge names; zero for a challenge that this registry issued.
    uint256 challengeBlock;
    /// The signer's signature over "proofmark register v1" || log || challenge.
    bytes32 r;
    bytes32 s;
}

/**
 * Anyone registers a log by hardware evidence that is verified in that transaction (DESIGN section 8). No owner.
 *
 * What a registration proves: hardware that chains to this deployment's anchors ran an image which named these identity
 * words and answered a challenge that is new, addressed to this operator, registry and chain; and whoever holds the
 * signer's key answered the same challenge. The second half is what keeps a hostile image, which may write any words into
 * its evidence, from taking another worker's signer into its own log.
 *
 * How long it lasts: LIFETIME from the evidence's date, which is the hardware's own where it has one (Nitro) and the
 * registration's where it has none (SEV-SNP, whose challenge dates it to the window before). Certificates are judged at
 * the registration alone: they vouch for a key on the day of its attestation, as an archive is judged (DESIGN section 4,
 * "chain valid at the document's time, anchor within the maximum key age"). AWS's leaves end after three hours while the
 * enclave's key lives on; LIFETIME is the maximum key age, and a requester that wants a shorter one has a policy say so.
 */
contract WorkerRegistry is Challenges, Revocations {
    IEvidenceVerifier public immutable NITRO;
    IEvidenceVerifier public immutable SNP;
    address public immutable SHA384;
    uint256 public immutable LIFETIME;
    uint256 public immutable MAX_AGE;
    uint256 public immutable MAX_SKEW;

    /// Computed: one of the verifiers takes evidence that is not the vendor's. Each worker says which it was.
    bool public immutable SIMULATED;

    uint256 private constant LONGEST_LIFETIME = 366 days;

    event WorkerRegistered(
        bytes32 indexed log,
        address indexed operator,
        bytes32 indexed image,
        bytes32[10] identity,
        Worker worker,
        uint256 challengeBlock
    );

    event WorkerRenewed(bytes32 indexed log, Worker worker, uint256 challengeBlock);

    error SettingsInvalid();
    error HardwareUnknown();
    error EvidenceOfOtherHardware();
    error CallerNotTheOperator();
    error EvidenceOfAnotherIdentity();
    error EvidenceOfAnotherChallenge();
    error ChallengeUsedBefore();
    error PublicKeyNotTheSigner();
    error ConfigurationNotMeasured();
    error EvidenceTooOld();
    error EvidenceFromTheFuture();
    error SignerNotOnCurve();
    error PossessionNotProven();
    error RenewalOfAnotherImage();
    error RenewalExtendsNothing();

    constructor(RegistrySettings memory settings) Challenges(settings.challengeBlocks) {
        if (settings.lifetime == 0 || settings.lifetime > LONGEST_LIFETIME || settings.maxAge > LONGEST_LIFETIME) {
            revert SettingsInvalid();
        }
        if (settings.maxSkew > LONGEST_LIFETIME) revert SettingsInvalid();
        KnownCode.checkSha384Engine(settings.sha384);
        NITRO = settings.nitro;
        SNP = settings.snp;
        SHA384 = settings.sha384;
        LIFETIME = settings.lifetime;
        MAX_AGE = settings.maxAge;
        MAX_SKEW = settings.maxSkew;
        // Both are asked, whatever the first one answers: an address without a verifier must not pass.
        bool nitroSimulated = settings.nitro.SIMULATED();
        bool snpSimulated = settings.snp.SIMULATED();
        SIMULATED = nitroSimulated || snpSimulated;
    }

    /// Registers the log, or renews it. Only the operator that the identity names can; nobody can for it.
    function register(Registration calldata registration) external returns (bytes32 log) {
        WorkerIdentity memory identity;
        (log, identity) = openLog(registration.identity);
        if (msg.sender != identity.operator) revert CallerNotTheOperator();

        Evidence memory proven = verifierOf(registration.tee).verify(registration.evidence, registration.hints);
        if (proven.tee != registration.tee) revert EvidenceOfOtherHardware();
        if (proven.identity != log) revert EvidenceOfAnotherIdentity();
        if (proven.tee == AWS_NITRO) requireBoundByNitro(proven, identity);
        requirePossession(registration, log, proven.challenge, identity);

        Kept storage kept = recordOf(log);
        uint256 challengeBlock = answered(registration.challengeBlock, proven.challenge, kept.challengeBlock);
        uint256 expiresAt = dateOf(proven) + LIFETIME;
        bool isNew = kept.registeredAt == 0;
        if (isNew) {
            storeIdentity(log, identity);
        } else {
            // The identity's key never leaves the enclave that made it, and no enclave becomes another.
            if (kept.image != proven.image || kept.hardware != hardwareOf(proven.tee)) revert RenewalOfAnotherImage();
            if (expiresAt <= kept.expiresAt) revert RenewalExtendsNothing();
        }
        storeFacts(log, proven, expiresAt, challengeBlock);
        if (isNew) {
            emit WorkerRegistered(
                log, identity.operator, proven.image, registration.identity, workerOf(log), challengeBlock
            );
        } else {
            emit WorkerRenewed(log, workerOf(log), challengeBlock);
        }
    }

    function verifierOf(bytes32 tee) private view returns (IEvidenceVerifier) {
        if (tee == AWS_NITRO) return NITRO;
        if (tee == AMD_SEV_SNP) return SNP;
        revert HardwareUnknown();
    }

    /**
     * That the evidence answers a challenge of this registry to this caller that no registration of the log has answered:
     * issued ones are used up, and each registration names a later block than the one before.
     */
    function answered(uint256 named, bytes32 challenge, uint256 before) private returns (uint256) {
        if (named == 0) {
            uint256 issuedIn = useIssued(challenge).blockNumber;
            return issuedIn > before ? issuedIn : before;
        }
        if (named <= before) revert ChallengeUsedBefore();
        if (challenge != blockChallenge(msg.sender, named)) revert EvidenceOfAnotherChallenge();
        return named;
    }

    /// DESIGN section 3: Nitro carries the signer as its public key, and the configuration in PCR16, extended once.
    function requireBoundByNitro(Evidence memory proven, WorkerIdentity memory identity) private view {
        bytes32 point = keccak256(abi.encodePacked(bytes1(0x04), identity.signerX, identity.signerY));
        if (proven.publicKey != point) revert PublicKeyNotTheSigner();
        Digest384 memory extended = Sha384.digest(SHA384, abi.encodePacked(bytes32(0), bytes16(0), identity.config));
        if (proven.configRegister != keccak256(abi.encodePacked(extended.first, extended.last))) {
            revert ConfigurationNotMeasured();
        }
    }

    function requirePossession(
        Registration calldata registration,
        bytes32 log,
        bytes32 challenge,
        WorkerIdentity memory identity
    ) private view {
        if (!P256.isValidPublicKey(identity.signerX, identity.signerY)) revert SignerNotOnCurve();
        bytes32 digest = sha256(abi.encode(REGISTER_TAG, log, challenge));
        if (!P256.verify(digest, registration.r, registration.s, identity.signerX, identity.signerY)) {
            revert PossessionNotProven();
        }
    }

    /// Never later than now, so that a fast clock buys no time.
    function dateOf(Evidence memory proven) private view returns (uint256) {
        if (proven.tee != AWS_NITRO) return block.timestamp;
        uint256 issuedAt = proven.issuedAt;
        if (issuedAt > block.timestamp + MAX_SKEW) revert EvidenceFromTheFuture();
        if (block.timestamp > issuedAt + MAX_AGE) revert EvidenceTooOld();
        return issuedAt < block.timestamp ? issuedAt : block.timestamp;
    }
}
