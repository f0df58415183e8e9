// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { ChainRules } from "../chain/ChainRules.sol";
import { refuse } from "../der/Refuse.sol";
import { Slice } from "../der/Slice.sol";
import { SliceSha256 } from "../der/SliceSha256.sol";
import { Certificate } from "../der/X509.sol";
import { AWS_NITRO, Evidence } from "../evidence/IEvidenceVerifier.sol";
import { NitroDocument } from "./NitroDocument.sol";
import { NitroFacts } from "./NitroFacts.sol";

/// user_data is the identity of the worker and nonce answers the challenge (DESIGN section 3): 32 bytes each.
error UserDataNotIdentity();
error NonceNotChallenge();

/// What leaves the verifier once everything is proven.
library NitroOutput {
    using SliceSha256 for Slice;

    bytes32 private constant IMAGE_TAG = "proofmark image v1";
    uint256 private constant CONFIG_REGISTER = 16;

    function evidence(
        NitroDocument memory document,
        Certificate[] memory chain,
        bytes32[] memory tbsSha256,
        bool simulated
    ) internal view returns (Evidence memory result) {
        if (document.userData.length() != 32) refuse(uint32(UserDataNotIdentity.selector));
        if (document.nonce.length() != 32) refuse(uint32(NonceNotChallenge.selector));
        result.tee = AWS_NITRO;
        result.simulated = simulated;
        result.image = imageOf(document);
        result.identity = bytes32(document.userData.prefix(32));
        result.challenge = bytes32(document.nonce.prefix(32));
        result.publicKey = hashOf(document.publicKey);
        result.configRegister = hashOf(document.pcrs[CONFIG_REGISTER]);
        result.issuedAt = uint64(document.timestamp / 1000);
        (result.notBefore, result.notAfter) = ChainRules.validity(chain);
        result.platformId = document.moduleId.sha256Hash();
        result.certificates = tbsSha256;
    }

    function facts(NitroDocument memory document, Certificate[] memory chain, bytes32[] memory tbsSha256)
        internal
        pure
        returns (NitroFacts memory result)
    {
        result.moduleId = document.moduleId.toBytes();
        result.timestamp = uint64(document.timestamp);
        (result.pcrMask, result.pcrs) = pcrsOf(document.pcrs);
        (result.hasPublicKey, result.publicKey) = optional(document.publicKey);
        (result.hasUserData, result.userData) = optional(document.userData);
        (result.hasNonce, result.nonce) = optional(document.nonce);
        (result.notBefore, result.notAfter) = ChainRules.validity(chain);
        result.certificates = tbsSha256;
    }

    /// SHA-256("proofmark image v1" || "aws-nitro" || PCR0 || PCR1 || PCR2), as wire/message/identity.ts.
    function imageOf(NitroDocument memory document) private pure returns (bytes32) {
        return sha256(
            abi.encodePacked(
                IMAGE_TAG, AWS_NITRO, document.pcrs[0].toBytes(), document.pcrs[1].toBytes(), document.pcrs[2].toBytes()
            )
        );
    }

    function hashOf(Slice value) private pure returns (bytes32) {
        return Slice.unwrap(value) == 0 ? bytes32(0) : value.hash();
    }

    function optional(Slice value) private pure returns (bool, bytes memory) {
        return (Slice.unwrap(value) != 0, value.toBytes());
    }

    function pcrsOf(Slice[32] memory pcrs) private pure returns (uint32 mask, bytes memory values) {
        for (uint256 i = 0; i < 32; i++) {
            if (pcrs[i].length() == 0) continue;
            mask |= uint32(1 << i);
            values = bytes.concat(values, pcrs[i].toBytes());
        }
    }
}
