// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { refuse } from "../der/Refuse.sol";
import { Slice } from "../der/Slice.sol";
import { CertificateKey } from "../der/X509Keys.sol";
import { P384KeyNotOnCurve, P384Verifier } from "../p384/P384Verifier.sol";

/// P384Verifier ended without a verdict: it was given too little gas.
error P384VerifierFailed();

/**
 * One question to P384Verifier, written into memory that is free and stays free, since it has 16 KB and is over after
 * the call: first the statement, then r and s by whoever has them, then the call. Nothing is allocated in between.
 */
library P384Call {
    bytes32 private constant SELECTOR = bytes32(P384Verifier.verify.selector);
    // Offsets from the selector: two heads, the length of the statement, its 240 bytes in 256, the length of the hints.
    uint256 private constant STATEMENT = 0x64;
    uint256 private constant R = 0x94;
    uint256 private constant KEY = 0xf4;
    uint256 private constant HINTS = 0x184;

    /// Where the 96 bytes of r and s belong.
    function begin(uint256 hashFirst, uint256 hashLast, Slice key) internal pure returns (uint256 signature) {
        bytes32 selector = SELECTOR;
        uint256 from = key.pointer();
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, selector)
            mstore(add(start, 0x04), 0x40)
            mstore(add(start, 0x24), 0x160)
            mstore(add(start, 0x44), 240)
            mstore(add(start, STATEMENT), hashFirst)
            mstore(add(start, 0x84), hashLast)
            signature := add(start, R)
            mcopy(add(start, KEY), from, 96)
        }
    }

    /// Whether the hints prove the signature. A key off the curve is another matter than a signature that is not its own.
    function isProven(address verifier, bytes calldata hints) internal view returns (bool proven) {
        bytes4 reason = 0;
        bool ended;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(add(start, 0x164), hints.length)
            calldatacopy(add(start, HINTS), hints.offset, hints.length)
            proven := staticcall(gas(), verifier, start, add(HINTS, hints.length), 0x00, 0x04)
            ended := or(proven, eq(returndatasize(), 0x04))
            if iszero(proven) { reason := mload(0x00) }
        }
        if (!ended) refuse(uint32(P384VerifierFailed.selector));
        if (!proven && reason == P384KeyNotOnCurve.selector) refuse(uint32(CertificateKey.selector));
    }
}
