// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { TensorLib } from "../../src/consumer/TensorLib.sol";
import { RowFormat } from "../../src/proved/Rows.sol";
import { Answer } from "../../src/results/IResultVerifier.sol";
import { ProvedResult } from "../../src/results/ProvedResult.sol";
import { Trapdoor } from "./Trapdoor.sol";

/// Answers and their proofs, told from the words of DESIGN section 6, one value after the other.
abstract contract ProvedFixture is Trapdoor {
    bytes32 internal constant MODEL = keccak256("model");

    function elementsOf(RowFormat memory format, int256[] memory values)
        internal
        pure
        returns (uint256[] memory elements)
    {
        uint256 each = 248 / format.bits;
        elements = new uint256[]((values.length + each - 1) / each);
        uint256 sign = format.signed ? 2 ** (format.bits - 1) : 0;
        for (uint256 i = 0; i < values.length; i++) {
            elements[i / each] += uint256(values[i] + int256(sign)) * 2 ** (format.bits * (i % each));
        }
    }

    function evaluationAt(uint256 point, uint256[] memory inputs, uint256[] memory outputs)
        internal
        pure
        returns (uint256 sum)
    {
        uint256 power = point;
        for (uint256 i = 0; i < inputs.length + outputs.length; i++) {
            uint256 element = i < inputs.length ? inputs[i] : outputs[i - inputs.length];
            sum = addmod(sum, mulmod(element, power, ORDER), ORDER);
            power = mulmod(power, point, ORDER);
        }
    }

    function pointOf(address verifier, Answer memory answer, bytes32 commitment) internal view returns (uint256) {
        bytes memory statement = abi.encodePacked(
            bytes32("proofmark point v1"),
            uint256(block.chainid),
            uint256(uint160(verifier)),
            answer.escrow,
            answer.modelId,
            answer.inputHash,
            sha256(answer.output),
            uint256(uint160(answer.payee)),
            commitment
        );
        return uint256(sha256(statement)) % ORDER;
    }

    function bodyOf(int256[] memory values) internal pure returns (bytes memory) {
        uint32[] memory shape = new uint32[](2);
        (shape[0], shape[1]) = (1, uint32(values.length));
        return TensorLib.encode(0, shape, values);
    }

    function made(bytes memory key, bool receipts, bool allowDev) internal returns (ProvedResult) {
        return made(key, MODEL, receipts, allowDev);
    }

    function made(bytes memory key, bytes32 modelId, bool receipts, bool allowDev) internal returns (ProvedResult at) {
        bytes memory code =
            abi.encodePacked(vm.getCode("ProvedResult.sol:ProvedResult"), abi.encode(key, modelId, receipts, allowDev));
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
            if iszero(at) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }
}
