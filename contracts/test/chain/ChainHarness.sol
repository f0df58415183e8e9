// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { ChainProfile, ChainRules } from "../../src/chain/ChainRules.sol";
import { KnownCode } from "../../src/chain/KnownCode.sol";
import { Slices } from "../../src/der/Slice.sol";
import { Algorithm, Certificate, KeyKind, Profile, X509 } from "../../src/der/X509.sol";

/// The path rules alone, on certificates that are parsed before.
contract ChainHarness {
    function check(bytes[] memory certificates, bool amd, int64 time)
        external
        pure
        returns (uint64 notBefore, uint64 notAfter)
    {
        Certificate[] memory chain = new Certificate[](certificates.length);
        for (uint256 i = 0; i < chain.length; i++) {
            chain[i] = X509.parse(Slices.ofBytes(certificates[i]), Profile(amd, amd));
        }
        ChainRules.check(chain, amd ? amdChain() : nitroChain(), time);
        return ChainRules.validity(chain);
    }

    function nitroChain() private pure returns (ChainProfile memory) {
        return ChainProfile(Algorithm.EcdsaWithSha384, KeyKind.P384, KeyKind.P384, false);
    }

    function amdChain() private pure returns (ChainProfile memory) {
        return ChainProfile(Algorithm.RsaPss384, KeyKind.Rsa4096, KeyKind.P384, true);
    }

    function checkSha384Engine(address engine) external view {
        KnownCode.checkSha384Engine(engine);
    }

    function checkP384Verifier(address verifier) external view {
        KnownCode.checkP384Verifier(verifier);
    }
}
