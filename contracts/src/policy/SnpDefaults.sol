// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SnpProduct } from "../evidence/IEvidenceVerifier.sol";
import {
    CpuMicrocode,
    GUEST_DEBUG,
    GUEST_MIGRATE_MA,
    HardwareRules,
    LINE_GENOA_VCEK,
    LINE_GENOA_VLEK,
    LINE_MILAN_VLEK,
    LINE_NITRO,
    LINE_TURIN_VCEK,
    LINE_TURIN_VLEK,
    MicrocodeMinima,
    PLATFORM_ALIAS_CHECK_COMPLETE,
    ProductFloors,
    TcbFloor,
    TcbFloors
} from "./PolicyTypes.sol";

/**
 * `attestations/policies/amd-sev-snp-default.json` for contracts, held against it by a test. Milan's VCEKs are off: their
 * root seed can be read out by software (arXiv 2605.12990), so that no minimum helps. VLEKs count for clouds that are
 * listed, and none is listed by default.
 */
library SnpDefaults {
    function hardware(uint48 expiresAt) internal pure returns (HardwareRules memory) {
        return HardwareRules({
            lines: LINE_NITRO | LINE_MILAN_VLEK | LINE_GENOA_VCEK | LINE_GENOA_VLEK | LINE_TURIN_VCEK | LINE_TURIN_VLEK,
            reportVersions: (1 << 3) | (1 << 5),
            vmpls: 1 << 0,
            vlekMayHideChip: true,
            provisionalFirmware: false,
            minimumAbi: 0,
            minimumGuestSvn: 0,
            guestSet: 0,
            guestClear: GUEST_DEBUG | GUEST_MIGRATE_MA,
            platformSet: PLATFORM_ALIAS_CHECK_COMPLETE,
            platformClear: 0,
            unknownPlatformBits: false,
            expiresAt: expiresAt
        });
    }

    function floors() internal pure returns (ProductFloors[] memory result) {
        result = new ProductFloors[](3);
        // Boot loader 4, TEE 0, SNP 24; 10, 0, 27; FMC 0, boot loader 1, TEE 0, SNP 2.
        result[0] = ProductFloors(SnpProduct.Milan, alike(0x0400_0000_0000_1800));
        result[1] = ProductFloors(SnpProduct.Genoa, alike(0x0a00_0000_0000_1b00));
        result[2] = ProductFloors(SnpProduct.Turin, alike(0x0001_0002_0000_0000));
    }

    function microcode() internal pure returns (CpuMicrocode[] memory result) {
        result = new CpuMicrocode[](6);
        result[0] = cpu(SnpProduct.Milan, 1, 1, 219);
        result[1] = cpu(SnpProduct.Milan, 1, 2, 68);
        result[2] = cpu(SnpProduct.Genoa, 17, 1, 84);
        result[3] = cpu(SnpProduct.Genoa, 17, 2, 79);
        result[4] = cpu(SnpProduct.Genoa, 160, 2, 25);
        result[5] = cpu(SnpProduct.Turin, 2, 1, 71);
    }

    function alike(uint64 minimum) private pure returns (TcbFloors memory) {
        TcbFloor memory floor = TcbFloor({ any: false, anyMicrocode: false, minimum: minimum });
        return TcbFloors(floor, floor, floor);
    }

    function cpu(SnpProduct product, uint8 model, uint8 stepping, uint8 least)
        private
        pure
        returns (CpuMicrocode memory)
    {
        return CpuMicrocode(product, model, stepping, MicrocodeMinima(true, least, least, least));
    }
}
