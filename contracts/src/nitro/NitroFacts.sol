// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// What a Nitro document proves, with the fields that are not always there.
struct NitroFacts {
    bool simulated;
    /// SHA-256 of what was signed. Never of the signature: (r, n - s) is another signature of the same document.
    bytes32 documentId;
    bytes moduleId;
    /// Milliseconds since 1970, by the hypervisor's clock.
    uint64 timestamp;
    /// Bit i for PCRi, and their values of 48 bytes in a row, the lowest index first.
    uint32 pcrMask;
    bytes pcrs;
    bool hasPublicKey;
    bytes publicKey;
    bool hasUserData;
    bytes userData;
    bool hasNonce;
    bytes nonce;
    /// When every certificate of the chain is valid, in seconds; both bounds inclusive.
    uint64 notBefore;
    uint64 notAfter;
    /// SHA-256 of the signed part of each certificate, root first, leaf last.
    bytes32[] certificates;
}
