// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

bytes32 constant IDENTITY_TAG = "proofmark identity v1";

/// DESIGN section 3: what an attestation binds, without its version.
struct WorkerIdentity {
    bytes32 signerX;
    bytes32 signerY;
    bytes32 sealKey;
    address operator;
    uint256 chainId;
    address registry;
    address settlement;
    bytes32 config;
    bytes32 runtime;
}

error IdentityVersionUnknown();

/// Bits are set above an address: the same words with another spelling would be another log.
error IdentityWordDirty(uint256 word);

library Identities {
    /// The words as they were hashed, so that nothing is encoded twice. No spelling but one is read.
    function read(bytes32[10] calldata words) internal pure returns (WorkerIdentity memory identity) {
        if (words[0] != bytes32(uint256(1))) revert IdentityVersionUnknown();
        identity.signerX = words[1];
        identity.signerY = words[2];
        identity.sealKey = words[3];
        identity.operator = addressAt(words, 4);
        identity.chainId = uint256(words[5]);
        identity.registry = addressAt(words, 6);
        identity.settlement = addressAt(words, 7);
        identity.config = words[8];
        identity.runtime = words[9];
    }

    /// The name under which everything about one key epoch is kept.
    function logOf(bytes32[10] calldata words) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(IDENTITY_TAG, words));
    }

    function addressAt(bytes32[10] calldata words, uint256 word) private pure returns (address) {
        uint256 value = uint256(words[word]);
        if (value >> 160 != 0) revert IdentityWordDirty(word);
        return address(uint160(value));
    }
}
