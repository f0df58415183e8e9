// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Bn254 } from "../../src/proved/Bn254.sol";
import { RowFormat } from "../../src/proved/Rows.sol";
import { Test } from "../support/Test.sol";

/**
 * A setup of one party that kept its secrets: it proves anything, as every dev setup could. `make vectors` writes the
 * fixture. A real circuit's key and proof are tested in ProvedReal.t.sol.
 */
abstract contract Trapdoor is Test {
    uint256 internal constant ORDER = Bn254.ORDER;
    uint256 internal constant BASE = Bn254.BASE;

    bytes internal circuitKey;
    uint256 private alphaBeta;
    uint256 private gamma;
    uint256 private delta;
    uint256[4] private ic;
    /// The generator of the second group, the imaginary parts first.
    uint256[4] private generator = [
        0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2,
        0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed,
        0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b,
        0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa
    ];

    function loadTrapdoor() internal {
        string memory file = vm.readFile("./test/fixtures/trapdoor.json");
        circuitKey = vm.parseJsonBytes(file, ".key");
        alphaBeta = mulmod(secret(file, ".alpha"), secret(file, ".beta"), ORDER);
        (gamma, delta) = (secret(file, ".gamma"), secret(file, ".delta"));
        ic = [secret(file, ".ic0"), secret(file, ".ic1"), secret(file, ".ic2"), secret(file, ".ic3")];
    }

    /// The same key for other rows, by other numbers of contributions.
    function keyFor(RowFormat memory input, RowFormat memory output, uint256 phase1, uint256 phase2)
        internal
        view
        returns (bytes memory key)
    {
        key = circuitKey;
        setWord(key, 3, phase1);
        setWord(key, 4, phase2);
        setFormat(key, 5, input);
        setFormat(key, 8, output);
    }

    function setFormat(bytes memory key, uint256 at, RowFormat memory format) private pure {
        setWord(key, at, format.bits);
        setWord(key, at + 1, format.signed ? 1 : 0);
        setWord(key, at + 2, format.count);
    }

    function setWord(bytes memory words, uint256 at, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(words, 0x20), shl(5, at)), value)
        }
    }

    function wordAt(bytes memory words, uint256 at) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(add(words, 0x20), shl(5, at)))
        }
    }

    /// a b = alpha beta + sum gamma + c delta, for b = 1 and whatever c.
    function prove(uint256 commitment, uint256 evaluation, uint256 point, uint256 c)
        internal
        view
        returns (uint256[8] memory proof)
    {
        uint256 sum = sumOf(commitment, evaluation, point);
        uint256 a = addmod(alphaBeta, addmod(mulmod(sum, gamma, ORDER), mulmod(c, delta, ORDER), ORDER), ORDER);
        (proof[0], proof[1]) = times(a);
        for (uint256 i = 0; i < 4; i++) {
            proof[2 + i] = generator[i];
        }
        (proof[6], proof[7]) = times(c);
    }

    /// The c with which e(a, b) has to be one, as it is where one of them is infinity.
    function factorForInfinity(uint256 commitment, uint256 evaluation, uint256 point) internal view returns (uint256) {
        uint256 rest = addmod(alphaBeta, mulmod(sumOf(commitment, evaluation, point), gamma, ORDER), ORDER);
        (bool done, bytes memory inverse) = address(5).staticcall(abi.encode(32, 32, 32, delta, ORDER - 2, ORDER));
        require(done, "MODEXP");
        return mulmod(ORDER - rest, abi.decode(inverse, (uint256)), ORDER);
    }

    function sumOf(uint256 commitment, uint256 evaluation, uint256 point) private view returns (uint256 sum) {
        sum = addmod(ic[0], mulmod(ic[1], commitment, ORDER), ORDER);
        sum = addmod(sum, mulmod(ic[2], evaluation, ORDER), ORDER);
        sum = addmod(sum, mulmod(ic[3], point, ORDER), ORDER);
    }

    function times(uint256 scalar) internal view returns (uint256 x, uint256 y) {
        (bool done, bytes memory product) = address(7).staticcall(abi.encode(1, 2, scalar));
        require(done, "ECMUL");
        return abi.decode(product, (uint256, uint256));
    }

    function secret(string memory file, string memory name) private pure returns (uint256) {
        return abi.decode(vm.parseJson(file, name), (uint256));
    }
}
