// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Slice } from "../der/Slice.sol";
import { SnpProduct } from "../evidence/IEvidenceVerifier.sol";

/// AMD's product lines by name, by processor and by what their certificates and TCBs look like.
library SnpProducts {
    bytes32 private constant MILAN = bytes32("Milan");
    bytes32 private constant GENOA = bytes32("Genoa");
    bytes32 private constant TURIN = bytes32("Turin");
    /// All three names are as long.
    uint256 internal constant NAME_BYTES = 5;

    /// The product whose name is all of this text.
    function named(Slice text) internal pure returns (SnpProduct) {
        if (text.isExactly(MILAN, NAME_BYTES)) return SnpProduct.Milan;
        if (text.isExactly(GENOA, NAME_BYTES)) return SnpProduct.Genoa;
        if (text.isExactly(TURIN, NAME_BYTES)) return SnpProduct.Turin;
        return SnpProduct.None;
    }

    /// The product whose name follows these first bytes and ends the text.
    function namedAfter(Slice text, bytes32 start, uint256 size) internal pure returns (SnpProduct) {
        return startsWith(text, start, size) ? named(text.skip(size)) : SnpProduct.None;
    }

    function startsWith(Slice text, bytes32 start, uint256 size) internal pure returns (bool) {
        return text.length() >= size && text.prefix(size) == uint256(start) >> (256 - 8 * size);
    }

    /// AMD 57230, "Determining the product name". None for CPUs whose certificates and TCB layout are not known.
    function ofCpu(uint24 cpu) internal pure returns (SnpProduct) {
        uint256 family = cpu >> 16;
        uint256 model = (cpu >> 8) & 0xff;
        if (family == 0x1a) return model <= 0x11 ? SnpProduct.Turin : SnpProduct.None;
        if (family != 0x19) return SnpProduct.None;
        if (model <= 0x0f) return SnpProduct.Milan;
        // 0xa0 to 0xaf are Bergamo and Siena.
        return model <= 0x1f || (model >= 0xa0 && model <= 0xaf) ? SnpProduct.Genoa : SnpProduct.None;
    }
}
