// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { P384Verifier } from "../../src/p384/P384Verifier.sol";
import { Test } from "../support/Test.sol";

/// Committed signatures with their hints (test/contracts/fixtures/signatures.ts), and what is made of them.
contract P384VerifierTest is Test {
    uint256 private constant SIGNATURES = 8;

    P384Verifier private verifier;

    function setUp() external {
        address low = made("P384TableLow.sol:P384TableLow", "");
        address high = made("P384TableHigh.sol:P384TableHigh", "");
        verifier = P384Verifier(made("P384Verifier.sol:P384Verifier", abi.encode(low, high)));
    }

    function test_provesTheCommittedSignatures() external view {
        for (uint256 i = 0; i < SIGNATURES; i++) {
            (bytes memory statement, bytes memory hints) = signature(i);
            verifier.verify(statement, hints);
        }
    }

    function testFuzz_noChangedByteOfAStatementIsProven(uint256 which, uint256 at, uint8 change) external view {
        (bytes memory statement, bytes memory hints) = signature(which % SIGNATURES);
        flip(statement, at, change);
        vm.assertFalse(isProven(statement, hints));
    }

    function testFuzz_noChangedByteOfAHintProves(uint256 which, uint256 at, uint8 change) external view {
        (bytes memory statement, bytes memory hints) = signature(which % SIGNATURES);
        flip(hints, at, change);
        vm.assertFalse(isProven(statement, hints));
    }

    function testFuzz_hintsOfAnotherSignatureProveNothing(uint256 which, uint256 other) external view {
        which %= SIGNATURES;
        other = (which + 1 + other % (SIGNATURES - 1)) % SIGNATURES;
        (bytes memory statement,) = signature(which);
        (, bytes memory hints) = signature(other);
        vm.assertFalse(isProven(statement, hints));
    }

    function testFuzz_hintsOfAnotherLengthProveNothing(uint256 which, uint256 length, bytes calldata more)
        external
        view
    {
        (bytes memory statement, bytes memory hints) = signature(which % SIGNATURES);
        bytes memory longer = abi.encodePacked(hints, more, bytes1(0));
        vm.assertFalse(isProven(statement, longer));
        length %= hints.length;
        assembly ("memory-safe") {
            mstore(hints, length)
        }
        vm.assertFalse(isProven(statement, hints));
    }

    function isProven(bytes memory statement, bytes memory hints) private view returns (bool) {
        try verifier.verify(statement, hints) {
            return true;
        } catch {
            return false;
        }
    }

    function signature(uint256 which) private view returns (bytes memory statement, bytes memory hints) {
        string memory digit = string(abi.encodePacked(bytes1(uint8(0x30 + which))));
        bytes memory words = vm.parseBytes(vm.readFile(string.concat("./test/fixtures/p384-", digit, ".hex")));
        return abi.decode(words, (bytes, bytes));
    }

    function flip(bytes memory data, uint256 at, uint8 change) private pure {
        data[at % data.length] ^= bytes1(change == 0 ? 1 : change);
    }

    function made(string memory artifact, bytes memory arguments) private returns (address at) {
        bytes memory code = abi.encodePacked(vm.getCode(artifact), arguments);
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
        }
        vm.assertTrue(at != address(0), artifact);
    }
}
