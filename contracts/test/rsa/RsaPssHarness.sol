// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Sha384 } from "../../src/hash/Sha384.sol";
import { RsaPss } from "../../src/rsa/RsaPss.sol";

/// The library as a contract, for tests that bring their own vectors.
contract RsaPssHarness {
    address private immutable ENGINE;
    address private immutable PAIR_ENGINE;

    constructor(address one, address two) {
        ENGINE = one;
        PAIR_ENGINE = two;
    }

    function verify(bytes calldata modulus, bytes calldata message, bytes calldata signature)
        external
        view
        returns (bool)
    {
        RsaPss.Engines memory engines = RsaPss.Engines({ one: ENGINE, two: PAIR_ENGINE });
        return RsaPss.verify(engines, modulus, Sha384.digestCalldata(ENGINE, message), signature);
    }
}
