// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

// Names of hardware as they stand in image ids (DESIGN section 3); simulated evidence carries the same name.
bytes32 constant AWS_NITRO = "aws-nitro";
bytes32 constant AMD_SEV_SNP = "amd-sev-snp";

/// AMD's product lines. Siena and Bergamo are certified as Genoa.
enum SnpProduct {
    None,
    Milan,
    Genoa,
    Turin
}

/// Whose key signed a report: the chip's own, or one that AMD lent to a cloud.
enum SnpSigner {
    None,
    Vcek,
    Vlek
}

/// What of an SEV-SNP report policies rule on. All zero for other hardware.
struct SnpPlatform {
    SnpProduct product;
    SnpSigner signer;
    uint8 reportVersion;
    uint8 vmpl;
    /// CPUID family, model and stepping as reports from version 3 on name them, a byte each; zero in version 2.
    uint24 cpu;
    uint32 guestSvn;
    uint64 guestPolicy;
    uint64 platformInfo;
    /// As in the report, first byte highest: which byte is which component depends on the product line.
    uint64 reportedTcb;
    uint64 committedTcb;
    uint64 currentTcb;
    uint64 launchTcb;
    /// SHA-256 of the name of the cloud that a VLEK was lent to (CSP_ID), so that policies can list clouds; zero for a VCEK.
    bytes32 cloud;
}

/// What one piece of evidence proves. Whether anybody should care is for a registry and for policies.
struct Evidence {
    bytes32 tee;
    /// Computed by the verifier: no anchor of this deployment is the vendor's own.
    bool simulated;
    /// SHA-256("proofmark image v1" || tee || measurements).
    bytes32 image;
    /// Nitro's user_data, which must have 32 bytes; the first half of SEV-SNP's report_data.
    bytes32 identity;
    /// Nitro's nonce, which must have 32 bytes; the second half of SEV-SNP's report_data.
    bytes32 challenge;
    /// keccak256 of Nitro's public_key as it stands there; zero where the hardware carries none.
    bytes32 publicKey;
    /// keccak256 of Nitro's PCR16, 48 bytes; zero where the hardware has no such register.
    bytes32 configRegister;
    /// Seconds since 1970 by the hardware's own word; zero for SEV-SNP, whose reports carry no time.
    uint64 issuedAt;
    /// When the last of the certificates becomes valid and when the first of them ends, both inclusive.
    uint64 notBefore;
    uint64 notAfter;
    /// SHA-256 of Nitro's module_id, or of SEV-SNP's CHIP_ID of 64 bytes; zero where the chip is masked.
    bytes32 platformId;
    SnpPlatform snp;
    /// SHA-256 of the signed part of each certificate, root first, leaf last.
    bytes32[] certificates;
}

/**
 * Evidence in, facts out. Reverts with an error that names the cause unless everything verifies at `block.timestamp`;
 * never answers with a partial result. Has no owner. Trust anchors are fixed at deployment.
 */
interface IEvidenceVerifier {
    /// True unless every anchor is one of the vendor's own, which the constructor compares.
    function SIMULATED() external view returns (bool);

    /// @param evidence what the hardware signed, with its certificates, in the form of the implementation
    /// @param hints trusted for nothing: wrong, missing or extra ones only revert
    /// @dev Not a view: certificates of authorities that verified are remembered by the hash of their signed part.
    function verify(bytes calldata evidence, bytes calldata hints) external returns (Evidence memory);
}
