// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Answer, IResultVerifier } from "./IResultVerifier.sol";

/**
 * The level `attested` of DESIGN section 6: a receipt of a worker whom the requester's policy accepts is all that is
 * asked. The settlement has checked both before it asks here; by itself this contract says nothing about an answer.
 */
contract AttestedResult is IResultVerifier {
    function needsReceipt() external pure returns (bool) {
        return true;
    }

    /// What no receipt came with is not attested, and a proof for nothing is a mistake of whoever sent it.
    function verify(Answer calldata answer, bytes calldata proof) external pure returns (bool) {
        return answer.log != 0 && proof.length == 0;
    }
}
