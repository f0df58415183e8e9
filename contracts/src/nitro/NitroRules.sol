// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { refuse } from "../der/Refuse.sol";
import { Slice, Slices } from "../der/Slice.sol";
import { Certificate } from "../der/X509.sol";
import { NitroDocument } from "./NitroDocument.sol";

error DebugMode();
error MeasurementZero();
error DocumentFromFuture();
error TimestampOutsideLeaf();
error BindingTooLong();
error FieldUnknown();
error ModuleIdMismatch();
error LeafLifetime();

/**
 * What attestations/policies/aws-nitro-default.json asks of genuine documents, whoever asks: in the order and by the
 * rules of verifier/nitro/rules.ts. Images, other registers and the document's age are for policies and registries.
 */
library NitroRules {
    uint256 private constant FUTURE_SKEW_SECONDS = 300;
    uint256 private constant BINDING_BYTES = 512;
    /// Three hours and the minute that AWS dates leaves back.
    int64 private constant LEAF_SECONDS = 10_860;
    uint256 private constant ENC = 0x2d656e63;

    function check(NitroDocument memory document, Certificate memory leaf, Certificate memory issuer, uint256 time)
        internal
        pure
    {
        imageIsMeasured(document);
        uint256 timestamp = document.timestamp;
        if (timestamp > (time + FUTURE_SKEW_SECONDS) * 1000) refuse(uint32(DocumentFromFuture.selector));
        if (!isWithin(timestamp, leaf)) refuse(uint32(TimestampOutsideLeaf.selector));
        if (document.userData.length() > BINDING_BYTES || document.nonce.length() > BINDING_BYTES) {
            refuse(uint32(BindingTooLong.selector));
        }
        if (document.hasUnknownField) refuse(uint32(FieldUnknown.selector));
        if (!isCertified(document.moduleId, leaf.subjectCommonName, issuer.subjectCommonName)) {
            refuse(uint32(ModuleIdMismatch.selector));
        }
        if (leaf.notAfter - leaf.notBefore > LEAF_SECONDS) refuse(uint32(LeafLifetime.selector));
    }

    /// In debug mode anyone may read the enclave, and PCR0, PCR1 and PCR2 are zero.
    function imageIsMeasured(NitroDocument memory document) private pure {
        uint256 absent = 0;
        uint256 zero = 0;
        for (uint256 i = 0; i < 3; i++) {
            Slice value = document.pcrs[i];
            if (value.length() == 0) absent++;
            else if (value.prefix(32) == 0 && value.skip(32).prefix(16) == 0) zero++;
        }
        if (zero == 3) refuse(uint32(DebugMode.selector));
        if (zero + absent != 0) refuse(uint32(MeasurementZero.selector));
    }

    function isWithin(uint256 milliseconds, Certificate memory leaf) private pure returns (bool) {
        int256 time = int256(milliseconds);
        return time >= int256(leaf.notBefore) * 1000 && time <= int256(leaf.notAfter) * 1000;
    }

    /**
     * AWS writes `<module id>.<region>.aws` into the leaf and `<instance id>.<region>.aws.nitro-enclaves` into its issuer,
     * where a module id is the instance id, "-enc" and a number. The simulator's authority leaves out ".aws", since it
     * must not speak in AWS's name.
     */
    function isCertified(Slice moduleId, Slice leaf, Slice issuer) private pure returns (bool) {
        (Slice name, Slice rest) = cut(leaf);
        if (!name.equal(moduleId)) return false;
        (Slice region, Slice suffix) = cut(rest);
        if (!isRegion(region) || !(suffix.length() == 0 || suffix.isExactly("aws", 3))) return false;
        // A dot with nothing behind it is no end.
        if (suffix.length() == 0 && region.length() != rest.length()) return false;

        Slice instance;
        Slice issuerRegion;
        (instance, rest) = cut(issuer);
        (issuerRegion, suffix) = cut(rest);
        if (!(suffix.isExactly("nitro-enclaves", 14) || suffix.isExactly("aws.nitro-enclaves", 18))) return false;
        if (!issuerRegion.equal(region)) return false;
        uint256 size = instance.length();
        if (size == 0 || moduleId.length() < size + 4 || moduleId.skip(size).prefix(4) != ENC) return false;
        return Slices.make(moduleId.pointer(), size).equal(instance);
    }

    /// What comes before the first dot, and what comes after it; all and nothing where there is none.
    function cut(Slice text) private pure returns (Slice before, Slice rest) {
        uint256 size = text.length();
        for (uint256 i = 0; i < size; i++) {
            if (text.byteAt(i) == 0x2e) return (Slices.make(text.pointer(), i), text.skip(i + 1));
        }
        return (text, text.skip(size));
    }

    function isRegion(Slice text) private pure returns (bool) {
        uint256 size = text.length();
        for (uint256 i = 0; i < size; i++) {
            uint256 c = text.byteAt(i);
            if (!((c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c == 0x2d)) return false;
        }
        return size != 0;
    }
}
