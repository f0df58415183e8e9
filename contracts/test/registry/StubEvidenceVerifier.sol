// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Evidence, IEvidenceVerifier } from "../../src/evidence/IEvidenceVerifier.sol";

/// For tests of the registry alone: believes whatever it is told, as no verifier does.
contract StubEvidenceVerifier is IEvidenceVerifier {
    bool public immutable SIMULATED;

    constructor(bool simulated) {
        SIMULATED = simulated;
    }

    function verify(bytes calldata evidence, bytes calldata) external pure returns (Evidence memory) {
        return abi.decode(evidence, (Evidence));
    }
}
