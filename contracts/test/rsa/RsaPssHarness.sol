// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Sha384 } from "../../src/hash/Sha384.sol";
import { RsaPss } from "../../src/rsa/RsaPss.sol";

/// The library as a contract, for tests that bring their own vectors.
contract RsaPssHarness {
    address private immutable ENGINE;

    constructor(address engine) {
        ENGINE = engine;
    }

    function verify(bytes calldata modulus, bytes calldata message, bytes calldata signature)
        external
        view
        returns (bool)
    {
        return RsaPss.verify(ENGINE, modulus, Sha384.digestCalldata(ENGINE, message), signature);
    }
}
