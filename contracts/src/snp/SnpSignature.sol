// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Slice } from "../der/Slice.sol";
import { CertificateKey } from "../der/X509Keys.sol";
import { Digest384 } from "../hash/Sha384.sol";
import { P384KeyNotOnCurve, P384Verifier } from "../p384/P384Verifier.sol";
import { SnpReport, SnpReports } from "./SnpReport.sol";

/// The report's signature does not verify under the endorsement key, or the hints are not those of this signature.
error ReportSignature();

/// ECDSA P-384 with SHA-384 over the first 672 bytes of a report, through a P384Verifier.
library SnpSignature {
    /// Of the call: selector, two offsets, a length, the statement in 256 bytes, a length and the hints.
    uint256 private constant STATEMENT_BYTES = 240;
    uint256 private constant HINTS_OFFSET = 0x160;

    function check(address p384, SnpReport memory report, Digest384 memory digest, Slice key, bytes calldata hints)
        internal
        view
    {
        uint256 call_;
        assembly ("memory-safe") {
            call_ := mload(0x40)
        }
        writeStatement(report, digest, key, call_ + 0x64);
        bytes32 selector = P384Verifier.verify.selector;
        bool proven;
        bytes32 said;
        assembly ("memory-safe") {
            mstore(call_, selector)
            mstore(add(call_, 0x04), 0x40)
            mstore(add(call_, 0x24), HINTS_OFFSET)
            mstore(add(call_, 0x44), STATEMENT_BYTES)
            // The statement ends 16 bytes before its place does, and those are zero.
            mstore(add(call_, 0x164), hints.length)
            calldatacopy(add(call_, 0x184), hints.offset, hints.length)
            let size := add(0x184, and(add(hints.length, 31), not(31)))
            mstore(0x00, 0)
            proven := staticcall(gas(), p384, call_, size, 0x00, 0x20)
            said := mload(0x00)
        }
        if (proven) return;
        if (bytes4(said) == P384KeyNotOnCurve.selector) revert CertificateKey();
        revert ReportSignature();
    }

    /// Hash, r, s and the key's x and y, 48 bytes each; 16 bytes of zero follow. Allocates nothing.
    function writeStatement(SnpReport memory report, Digest384 memory digest, Slice key, uint256 to) private pure {
        (bytes32 first, bytes16 last) = (digest.first, digest.last);
        assembly ("memory-safe") {
            mstore(to, first)
            mstore(add(to, 32), last)
        }
        SnpReports.writeSignature(report, to + 48);
        uint256 from = key.pointer();
        assembly ("memory-safe") {
            mcopy(add(to, 144), from, 96)
            mstore(add(to, 240), 0)
        }
    }
}
