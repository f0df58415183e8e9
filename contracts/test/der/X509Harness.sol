// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Slice, Slices } from "../../src/der/Slice.sol";
import { Certificate, Profile, X509 } from "../../src/der/X509.sol";
import { Extensions } from "../../src/der/X509Extensions.sol";

/// What was read, as bytes and words that can leave the contract.
struct ReadCertificate {
    bytes tbs;
    bytes serial;
    bytes issuer;
    bytes subject;
    int64 notBefore;
    int64 notAfter;
    uint8 keyKind;
    bytes key;
    uint8 algorithm;
    bytes subjectKeyIdentifier;
    bytes authorityKeyIdentifier;
    bool[8] flags;
    uint256 pathLength;
}

contract X509Harness {
    function parse(bytes memory input, bool amd) external pure returns (ReadCertificate memory result) {
        Certificate memory read = X509.parse(Slices.ofBytes(input), Profile(amd, amd));
        result.tbs = copy(read.tbs);
        result.serial = copy(read.serial);
        result.issuer = copy(read.issuer);
        result.subject = copy(read.subject);
        result.notBefore = read.notBefore;
        result.notAfter = read.notAfter;
        result.keyKind = uint8(read.keyKind);
        result.key = copy(read.key);
        result.algorithm = uint8(read.algorithm);
        Extensions memory extensions = read.extensions;
        result.subjectKeyIdentifier = copy(extensions.subjectKeyIdentifier);
        result.authorityKeyIdentifier = copy(extensions.authorityKeyIdentifier);
        result.flags = [
            extensions.hasBasicConstraints,
            extensions.basicConstraintsCritical,
            extensions.ca,
            extensions.hasPathLength,
            extensions.hasKeyUsage,
            extensions.digitalSignature,
            extensions.keyCertSign,
            extensions.hasUnknownCritical
        ];
        result.pathLength = extensions.pathLength;
    }

    function copy(Slice slice) private pure returns (bytes memory result) {
        (uint256 from, uint256 size) = (slice.pointer(), slice.length());
        result = new bytes(size);
        assembly ("memory-safe") {
            mcopy(add(result, 0x20), from, size)
        }
    }
}
