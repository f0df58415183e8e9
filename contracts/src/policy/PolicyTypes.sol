// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SnpProduct } from "../evidence/IEvidenceVerifier.sol";
import { IWorkerRegistry } from "../registry/IWorkerRegistry.sol";

/// What a policy keeps lists of. Identifiers are words: addresses are padded on the left (DESIGN section 3).
enum Subject {
    /// Image ids. Must be listed: a policy that takes any code would be none.
    Image,
    Config,
    Runtime,
    /// Execution classes, asked of a receipt and not of a worker.
    Execution,
    Operator,
    /// Platform ids. A chip that hides its id is in no list; whether it may is one of the hardware rules.
    Platform,
    /// SHA-256 of the name of the cloud that a VLEK was lent to; not asked of anything else.
    Cloud,
    /// SHA-256 of a certificate's signed part, roots included. Can only be denied.
    Certificate
}

/// Where an identifier stands. A denial beats "any".
enum Standing {
    Unlisted,
    Accepted,
    Denied
}

// A kind of hardware that may vouch, as a bit. AMD's are product lines by whose key signs: a root seed that leaks ends a
// line whatever its TCB (arXiv 2605.12990 for Milan's VCEKs).
uint8 constant LINE_NITRO = 1;
uint8 constant LINE_MILAN_VCEK = 1 << 1;
uint8 constant LINE_MILAN_VLEK = 1 << 2;
uint8 constant LINE_GENOA_VCEK = 1 << 3;
uint8 constant LINE_GENOA_VLEK = 1 << 4;
uint8 constant LINE_TURIN_VCEK = 1 << 5;
uint8 constant LINE_TURIN_VLEK = 1 << 6;

// Bits of POLICY (AMD 56860 section 4.3) that can be asked for. Bit 17 is one in every report.
uint32 constant GUEST_SMT = 1 << 16;
uint32 constant GUEST_MIGRATE_MA = 1 << 18;
uint32 constant GUEST_DEBUG = 1 << 19;
uint32 constant GUEST_SINGLE_SOCKET = 1 << 20;
uint32 constant GUEST_CXL = 1 << 21;
uint32 constant GUEST_AES_256_XTS = 1 << 22;
uint32 constant GUEST_RAPL_DISABLED = 1 << 23;
uint32 constant GUEST_CIPHERTEXT_HIDING = 1 << 24;
uint32 constant GUEST_PAGE_SWAP_DISABLED = 1 << 25;

// Bits of PLATFORM_INFO (AMD 56860 section 7.3). All above them are unknown.
uint8 constant PLATFORM_SMT = 1;
uint8 constant PLATFORM_TSME = 1 << 1;
uint8 constant PLATFORM_ECC = 1 << 2;
uint8 constant PLATFORM_RAPL_DISABLED = 1 << 3;
uint8 constant PLATFORM_CIPHERTEXT_HIDING = 1 << 4;
uint8 constant PLATFORM_ALIAS_CHECK_COMPLETE = 1 << 5;
uint8 constant PLATFORM_IOMMU_WRITE_SAFE = 1 << 6;
uint8 constant PLATFORM_TIO = 1 << 7;

// A policy that says so in `expiresAt` never ends.
uint48 constant NEVER = type(uint48).max;

/**
 * What is asked of hardware beside lists. Every field is a statement, and all zeros accept nothing: a bit that is neither
 * in the mask of bits to be set nor in that of bits to be clear may be either, a minimum of zero is reached by all.
 * One word of storage.
 */
struct HardwareRules {
    /// LINE_ bits.
    uint8 lines;
    /// Bit v: reports of version v (2, 3, 5).
    uint8 reportVersions;
    /// Bit l: reports asked for from privilege level l (0 to 3).
    uint8 vmpls;
    /// Whether a report that a VLEK signed may hide its chip. One of a VCEK never may: the key is of that chip.
    bool vlekMayHideChip;
    /// Whether firmware may run that is not committed, and so can be taken back behind the guest.
    bool provisionalFirmware;
    /// Of the firmware's ABI, major << 8 | minor, that the guest's own policy must demand.
    uint16 minimumAbi;
    uint32 minimumGuestSvn;
    uint32 guestSet;
    uint32 guestClear;
    uint8 platformSet;
    uint8 platformClear;
    /// Whether bits of PLATFORM_INFO that no specification here names may be set.
    bool unknownPlatformBits;
    /// In seconds since 1970: the last at which this policy accepts anything.
    uint48 expiresAt;
}

/// The least TCB, component by component. All zeros are the strictest: no CPU has a minimum of microcode stated.
struct TcbFloor {
    /// Any TCB at all; the other two fields are then zero.
    bool any;
    /// Any microcode; otherwise its minimum is the one stated for the CPU, and a CPU without one is refused.
    bool anyMicrocode;
    /// A byte a component as in TCB_VERSION, first byte highest; zero where the byte is microcode or reserved.
    uint64 minimum;
}

/// For one product line; a word of storage for each floor.
struct TcbFloors {
    TcbFloor reported;
    TcbFloor committed;
    TcbFloor launch;
}

/// Microcode is counted per CPU model and stepping; no number holds for a product line.
struct MicrocodeMinima {
    bool stated;
    uint8 reported;
    uint8 committed;
    uint8 launch;
}

/// A list at the start of a policy. `any` is written out and goes with no entries; an empty list accepts nothing.
struct Allowed {
    bool any;
    bytes32[] ids;
}

struct AllowedImage {
    bytes32 image;
    /// SHA-256 of the statement that says from which sources the image was built (in-toto, SBOM).
    bytes32 provenance;
}

struct ProductFloors {
    SnpProduct product;
    TcbFloors floors;
}

struct CpuMicrocode {
    SnpProduct product;
    uint8 model;
    uint8 stepping;
    MicrocodeMinima minima;
}

/// Everything that a policy begins with.
struct PolicySetup {
    IWorkerRegistry registry;
    /// Whether this is a policy for simulated evidence. It then refuses all other, and one for hardware all simulated.
    bool simulated;
    AllowedImage[] images;
    Allowed configs;
    Allowed runtimes;
    Allowed executions;
    Allowed operators;
    Allowed platforms;
    Allowed clouds;
    bytes32[] deniedPlatforms;
    bytes32[] deniedCertificates;
    HardwareRules hardware;
    ProductFloors[] floors;
    CpuMicrocode[] microcode;
}
