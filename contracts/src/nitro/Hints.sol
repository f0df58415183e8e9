// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { refuse } from "../der/Refuse.sol";

/// The hints are not one entry for each certificate below the root and one for the document.
error HintsInvalid();

/// Entries in a row: a length of two bytes, and that many bytes. Entries for what is known already may be empty.
library Hints {
    function next(bytes calldata hints, uint256 at) internal pure returns (bytes calldata hint, uint256 rest) {
        if (hints.length < at + 2) refuse(uint32(HintsInvalid.selector));
        uint256 size = uint16(bytes2(hints[at:at + 2]));
        rest = at + 2 + size;
        if (hints.length < rest) refuse(uint32(HintsInvalid.selector));
        hint = hints[at + 2:rest];
    }

    function end(bytes calldata hints, uint256 at) internal pure {
        if (at != hints.length) refuse(uint32(HintsInvalid.selector));
    }
}
