// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// What stands at an address is not the contract that a verifier was written for.
error UnknownCode(address at);

/**
 * For constructors: verifiers take the addresses of what they call and trust none of them. These hashes are of the code
 * that the compiler of this repository makes (a test makes it again), so that a deployment with another engine, one that
 * finds every signature good, is impossible rather than forbidden.
 */
library KnownCode {
    bytes32 private constant SHA384_ENGINE = 0x27668d209ce22b8b8d826fd6cad42648679c8db7d0e906987fd6297394a3f52a;
    bytes32 private constant SHA384_PAIR_ENGINE = 0x750489dfdecdb13714bf1837adc8c11a12a55c7d6661f516c279abed41ef3c13;

    /// With zeros where the constructor wrote the addresses of the two tables, each of them twice.
    bytes32 private constant P384_VERIFIER = 0x6828316b39a37fb933f002e99b07808a4b281754fb661c91672255e7e50aebac;
    uint256 private constant P384_BYTES = 22516;
    uint256 private constant LOW = 133;
    uint256 private constant LOW_AGAIN = 259;
    uint256 private constant HIGH = 72;
    uint256 private constant HIGH_AGAIN = 292;
    bytes32 private constant P384_TABLE_LOW = 0xede8651a1dfc113372d4f0f802ae857981270f892ba7f839630308313940cdf9;
    bytes32 private constant P384_TABLE_HIGH = 0x3a45c0a2afe05cda4d7816323b4293c22ba3f98dc5393ab49fe8155e8f7bcb53;

    function checkSha384Engine(address engine) internal view {
        if (engine.codehash != SHA384_ENGINE) revert UnknownCode(engine);
    }

    function checkSha384PairEngine(address engine) internal view {
        if (engine.codehash != SHA384_PAIR_ENGINE) revert UnknownCode(engine);
    }

    /// Whoever made the contract may have passed its constructor by, so the tables are looked at as well.
    function checkP384Verifier(address verifier) internal view {
        bytes memory code = verifier.code;
        if (code.length != P384_BYTES) revert UnknownCode(verifier);
        address low = takeAddress(code, LOW);
        address high = takeAddress(code, HIGH);
        bool asBuilt = takeAddress(code, LOW_AGAIN) == low && takeAddress(code, HIGH_AGAIN) == high;
        if (!asBuilt || keccak256(code) != P384_VERIFIER) revert UnknownCode(verifier);
        if (low.codehash != P384_TABLE_LOW) revert UnknownCode(low);
        if (high.codehash != P384_TABLE_HIGH) revert UnknownCode(high);
    }

    /// The address in this word of the code, which is zeroed. Bits above it stay, and then the hash is another.
    function takeAddress(bytes memory code, uint256 at) private pure returns (address found) {
        assembly ("memory-safe") {
            let place := add(add(code, 0x20), at)
            let word := mload(place)
            found := and(word, 0xffffffffffffffffffffffffffffffffffffffff)
            mstore(place, sub(word, found))
        }
    }
}
