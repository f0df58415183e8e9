// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { CircuitKey, CircuitKeys } from "../../src/proved/CircuitKey.sol";
import { Groth16, Proof } from "../../src/proved/Groth16.sol";
import { RowFormat, Rows } from "../../src/proved/Rows.sol";
import { StoredKey } from "../../src/proved/StoredKey.sol";

/// The parts of ProvedResult, one by one.
contract ProvedHarness is StoredKey {
    constructor(bytes memory circuitKey) StoredKey(circuitKey) { }

    function verify(uint256 commitment, uint256 evaluation, uint256 point, Proof calldata proof)
        external
        view
        returns (bool)
    {
        return Groth16.verify(storedKey(), commitment, evaluation, point, proof);
    }
}

contract RowsHarness {
    function unpack(RowFormat calldata format, bytes calldata elements)
        external
        pure
        returns (bool valid, bytes memory body)
    {
        return Rows.unpack(format, elements);
    }

    function pack(RowFormat calldata format, bytes calldata body)
        external
        pure
        returns (bool valid, uint256[] memory elements)
    {
        return Rows.pack(format, body);
    }

    function evaluate(bytes calldata inputs, uint256[] calldata outputs, uint256 point)
        external
        pure
        returns (uint256)
    {
        return Rows.evaluate(inputs, outputs, point);
    }

    function readKey(bytes calldata encoded) external view returns (CircuitKey memory) {
        return CircuitKeys.read(encoded);
    }
}
