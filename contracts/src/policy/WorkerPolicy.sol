// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { AMD_SEV_SNP, SnpProduct, SnpSigner } from "../evidence/IEvidenceVerifier.sol";
import { IWorkerRegistry, Worker } from "../registry/IWorkerRegistry.sol";
import { Hardware } from "./Hardware.sol";
import { ITrustPolicy } from "./ITrustPolicy.sol";
import {
    Allowed,
    CpuMicrocode,
    HardwareRules,
    MicrocodeMinima,
    PolicySetup,
    ProductFloors,
    Standing,
    Subject,
    TcbFloors
} from "./PolicyTypes.sol";

error RegistryWithoutCode();
/// Zero is what a registry says of what is not there, and more than an address is no operator.
error IdentifierInvalid(Subject subject, bytes32 id);
/// An image without the digest of its provenance, or a digest for something else.
error ProvenanceInvalid();
/// Images must be listed, and certificates can only be denied.
error SubjectFixed(Subject subject);
/// "Any" with a list: one of the two is a mistake.
error AnyWithEntries(Subject subject);

/**
 * What both policies of DESIGN section 8 share: what is kept, how a worker is judged by it, and the events from which it
 * can be rebuilt. Who may change it, and when, is for the contracts that inherit; this one has no function that does.
 */
abstract contract WorkerPolicy is ITrustPolicy {
    IWorkerRegistry public immutable REGISTRY;
    /// Whether this is a policy for simulated evidence (DESIGN A2). It can never become the other.
    bool public immutable SIMULATED;

    mapping(Subject subject => mapping(bytes32 id => Standing)) private standings;
    mapping(bytes32 image => bytes32) private provenances;
    /// Bit s: whatever is not listed of Subject s is accepted.
    uint256 private anyOf;
    /// Bit b: a certificate whose hash ends in byte b was denied at some time. What is not in here need not be looked up,
    /// which keeps `accepts` within its gas for chains of nine.
    uint256 private deniedEndings;
    HardwareRules private hardware;
    mapping(SnpProduct product => TcbFloors) private floors;
    mapping(SnpProduct product => mapping(uint16 cpu => MicrocodeMinima)) private microcode;

    event PolicyCreated(address registry, bool simulated);
    /// @param provenance of an image that is accepted; otherwise zero
    event StandingChanged(Subject indexed subject, bytes32 indexed id, Standing standing, bytes32 provenance);
    event AnyChanged(Subject indexed subject, bool any);
    event HardwareRulesChanged(HardwareRules rules);
    event TcbFloorsChanged(SnpProduct indexed product, TcbFloors floors);
    event MicrocodeChanged(
        SnpProduct indexed product, uint8 indexed model, uint8 indexed stepping, MicrocodeMinima minima
    );

    constructor(PolicySetup memory setup) {
        if (address(setup.registry).code.length == 0) revert RegistryWithoutCode();
        REGISTRY = setup.registry;
        SIMULATED = setup.simulated;
        emit PolicyCreated(address(setup.registry), setup.simulated);
        for (uint256 i = 0; i < setup.images.length; i++) {
            setStanding(Subject.Image, setup.images[i].image, Standing.Accepted, setup.images[i].provenance);
        }
        begin(Subject.Config, setup.configs);
        begin(Subject.Runtime, setup.runtimes);
        begin(Subject.Execution, setup.executions);
        begin(Subject.Operator, setup.operators);
        begin(Subject.Platform, setup.platforms);
        begin(Subject.Cloud, setup.clouds);
        deny(Subject.Platform, setup.deniedPlatforms);
        deny(Subject.Certificate, setup.deniedCertificates);
        setHardware(setup.hardware);
        for (uint256 i = 0; i < setup.floors.length; i++) {
            ProductFloors memory entry = setup.floors[i];
            setFloors(entry.product, entry.floors);
        }
        for (uint256 i = 0; i < setup.microcode.length; i++) {
            CpuMicrocode memory entry = setup.microcode[i];
            setMicrocode(entry.product, entry.model, entry.stepping, entry.minima);
        }
    }

    /// @inheritdoc ITrustPolicy
    /// @dev False, never a revert, for a log that the registry does not know: its image is zero, which is in no list.
    function accepts(bytes32 log) external view returns (bool) {
        HardwareRules memory rules = hardware;
        if (block.timestamp > rules.expiresAt) return false;
        Worker memory worker = REGISTRY.workerOf(log);
        if (worker.simulated != SIMULATED) return false;
        if (rules.lines & Hardware.lineOf(worker.tee, worker.snp) == 0) return false;
        return acceptsNames(worker) && acceptsCertificates(worker.certificates)
            && (worker.tee != AMD_SEV_SNP || acceptsSnp(rules, worker));
    }

    /// @inheritdoc ITrustPolicy
    function acceptsExecution(bytes32 execution) external view returns (bool) {
        return block.timestamp <= hardware.expiresAt && isAccepted(Subject.Execution, execution, anyOf);
    }

    function standingOf(Subject subject, bytes32 id) external view returns (Standing) {
        return standings[subject][id];
    }

    /// SHA-256 of the statement that says from which sources the image was built; zero unless it is or was accepted.
    function provenanceOf(bytes32 image) external view returns (bytes32) {
        return provenances[image];
    }

    function acceptsAny(Subject subject) external view returns (bool) {
        return hasBit(anyOf, subject);
    }

    function hardwareRules() external view returns (HardwareRules memory) {
        return hardware;
    }

    function tcbFloors(SnpProduct product) external view returns (TcbFloors memory) {
        return floors[product];
    }

    function microcodeMinima(SnpProduct product, uint8 model, uint8 stepping)
        external
        view
        returns (MicrocodeMinima memory)
    {
        return microcode[product][cpuKey(model, stepping)];
    }

    function acceptsNames(Worker memory worker) private view returns (bool) {
        uint256 any = anyOf;
        return isAccepted(Subject.Image, worker.image, any) && isAccepted(Subject.Config, worker.config, any)
            && isAccepted(Subject.Runtime, worker.runtime, any)
            && isAccepted(Subject.Operator, bytes32(uint256(uint160(worker.operator))), any)
            // A hidden chip is in no list; `vlekMayHideChip` is the rule for it.
            && isAccepted(Subject.Platform, worker.platformId, any);
    }

    function acceptsCertificates(bytes32[] memory certificates) private view returns (bool) {
        uint256 endings = deniedEndings;
        for (uint256 i = 0; i < certificates.length; i++) {
            bytes32 id = certificates[i];
            if (endings & endingOf(id) == 0) continue;
            if (standings[Subject.Certificate][id] == Standing.Denied) return false;
        }
        return true;
    }

    function acceptsSnp(HardwareRules memory rules, Worker memory worker) private view returns (bool) {
        if (!Hardware.acceptsReport(rules, worker.snp, worker.platformId == 0)) return false;
        if (worker.snp.signer == SnpSigner.Vlek && !isAccepted(Subject.Cloud, worker.snp.cloud, anyOf)) return false;
        SnpProduct product = worker.snp.product;
        // Family, model and stepping, a byte each; the family follows from the product.
        return Hardware.acceptsTcb(floors[product], microcode[product][uint16(worker.snp.cpu)], worker.snp);
    }

    function isAccepted(Subject subject, bytes32 id, uint256 any) private view returns (bool) {
        Standing standing = standings[subject][id];
        return standing == Standing.Accepted || (standing == Standing.Unlisted && hasBit(any, subject));
    }

    function begin(Subject subject, Allowed memory allowed) private {
        if (allowed.any && allowed.ids.length > 0) revert AnyWithEntries(subject);
        setAny(subject, allowed.any);
        for (uint256 i = 0; i < allowed.ids.length; i++) {
            setStanding(subject, allowed.ids[i], Standing.Accepted, 0);
        }
    }

    function deny(Subject subject, bytes32[] memory ids) private {
        for (uint256 i = 0; i < ids.length; i++) {
            setStanding(subject, ids[i], Standing.Denied, 0);
        }
    }

    function currentStanding(Subject subject, bytes32 id) internal view returns (Standing) {
        return standings[subject][id];
    }

    function currentHardware() internal view returns (HardwareRules memory) {
        return hardware;
    }

    function currentFloors(SnpProduct product) internal view returns (TcbFloors memory) {
        return floors[product];
    }

    function currentMicrocode(SnpProduct product, uint8 model, uint8 stepping)
        internal
        view
        returns (MicrocodeMinima memory)
    {
        return microcode[product][cpuKey(model, stepping)];
    }

    function checkStanding(Subject subject, bytes32 id, Standing standing, bytes32 provenance) internal pure {
        // Zero is what masked chips have, and must not be denied or accepted by name.
        if (id == 0) revert IdentifierInvalid(subject, id);
        if (subject == Subject.Operator && uint256(id) > type(uint160).max) revert IdentifierInvalid(subject, id);
        if (subject == Subject.Certificate && standing == Standing.Accepted) revert SubjectFixed(subject);
        bool needed = subject == Subject.Image && standing == Standing.Accepted;
        if ((provenance != 0) != needed) revert ProvenanceInvalid();
    }

    function setStanding(Subject subject, bytes32 id, Standing standing, bytes32 provenance) internal {
        checkStanding(subject, id, standing, provenance);
        standings[subject][id] = standing;
        if (provenance != 0) provenances[id] = provenance;
        if (subject == Subject.Certificate) deniedEndings |= endingOf(id);
        emit StandingChanged(subject, id, standing, provenance);
    }

    function checkAny(Subject subject) internal pure {
        if (subject == Subject.Image || subject == Subject.Certificate) revert SubjectFixed(subject);
    }

    function setAny(Subject subject, bool any) internal {
        checkAny(subject);
        uint256 bit = 1 << uint256(subject);
        anyOf = any ? anyOf | bit : anyOf & ~bit;
        emit AnyChanged(subject, any);
    }

    function setHardware(HardwareRules memory rules) internal {
        Hardware.check(rules);
        hardware = rules;
        emit HardwareRulesChanged(rules);
    }

    function setFloors(SnpProduct product, TcbFloors memory next) internal {
        Hardware.check(product, next);
        floors[product] = next;
        emit TcbFloorsChanged(product, next);
    }

    function setMicrocode(SnpProduct product, uint8 model, uint8 stepping, MicrocodeMinima memory minima) internal {
        Hardware.check(product, minima);
        microcode[product][cpuKey(model, stepping)] = minima;
        emit MicrocodeChanged(product, model, stepping, minima);
    }

    function endingOf(bytes32 id) private pure returns (uint256) {
        return 1 << uint256(uint8(uint256(id)));
    }

    function cpuKey(uint8 model, uint8 stepping) private pure returns (uint16) {
        return (uint16(model) << 8) | stepping;
    }

    function hasBit(uint256 bits, Subject subject) private pure returns (bool) {
        return (bits >> uint256(subject)) & 1 == 1;
    }
}
