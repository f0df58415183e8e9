// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SnpProduct } from "../evidence/IEvidenceVerifier.sol";

/// TCB_VERSION as a number whose highest byte is the first of the report. `verifier/codec/snp-tcb.ts` has the same layouts.
library SnpTcb {
    /// AMD 56860 section 2.2. Zen 3 and 4: boot loader, TEE, four reserved, SNP, microcode. Zen 5: FMC, boot loader, TEE,
    /// SNP, three reserved, microcode.
    uint64 private constant ZEN3_ZEN4_COMPONENTS = 0xffff_0000_0000_ff00;
    uint64 private constant ZEN5_COMPONENTS = 0xffff_ffff_0000_0000;

    uint256 private constant EVEN_BYTES = 0x00ff_00ff_00ff_00ff;
    uint256 private constant ABOVE_EACH = 0x0100_0100_0100_0100;

    /// The bytes that a minimum can be stated for; microcode has minima of its own.
    function components(SnpProduct product) internal pure returns (uint64) {
        return product == SnpProduct.Turin ? ZEN5_COMPONENTS : ZEN3_ZEN4_COMPONENTS;
    }

    function microcode(uint64 tcb) internal pure returns (uint8) {
        return uint8(tcb);
    }

    /// Whether every component reaches that of `minimum`. A TCB is no ordered number: one part may go back while another
    /// goes ahead.
    function reaches(uint64 level, uint64 minimum) internal pure returns (bool) {
        // A lane of two bytes holds 256 + level - minimum, between 1 and 511: nothing is borrowed from the next lane, and
        // the ninth bit is set exactly where the component is high enough.
        uint256 even = ((level & EVEN_BYTES) | ABOVE_EACH) - (minimum & EVEN_BYTES);
        uint256 odd = (((level >> 8) & EVEN_BYTES) | ABOVE_EACH) - ((minimum >> 8) & EVEN_BYTES);
        return even & odd & ABOVE_EACH == ABOVE_EACH;
    }
}
