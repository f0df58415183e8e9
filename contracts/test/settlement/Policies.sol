// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { IProofmarkCallback } from "../../src/consumer/IProofmarkCallback.sol";
import { ITrustPolicy } from "../../src/policy/ITrustPolicy.sol";
import { Answer, IResultVerifier } from "../../src/results/IResultVerifier.sol";

/// Accepts what it is told to.
contract ListPolicy is ITrustPolicy {
    mapping(bytes32 => bool) public accepts;
    mapping(bytes32 => bool) private refused;

    function set(bytes32 log, bool accepted) external {
        accepts[log] = accepted;
    }

    function refuseExecution(bytes32 execution) external {
        refused[execution] = true;
    }

    function acceptsExecution(bytes32 execution) external view returns (bool) {
        return !refused[execution];
    }
}

/// Everything that a contract can do to whoever asks it by STATICCALL.
contract Hostile {
    enum Deed {
        Revert,
        BurnGas,
        ReturnBomb,
        RevertBomb,
        Nothing,
        ShortTrue,
        Two,
        DirtyTrue,
        LongTrue
    }

    Deed private deed;

    constructor(Deed what) {
        deed = what;
    }

    fallback() external payable {
        Deed what = deed;
        if (what == Deed.Revert) revert("no");
        if (what == Deed.BurnGas) while (true) { }
        assembly ("memory-safe") {
            mstore(0, 1)
            switch what
            // A megabyte costs the callee its 2 M gas of memory, and the caller as much if it copies it.
            case 2 { return(0, 0x100000) }
            case 3 { revert(0, 0x100000) }
            case 4 { return(0, 0) }
            case 5 { return(0, 31) }
            case 6 {
                mstore(0, 2)
                return(0, 32)
            }
            case 7 {
                mstore(0, or(1, shl(255, 1)))
                return(0, 32)
            }
            case 8 { return(0, 0x2000) }
        }
    }
}

/// A result verifier of any answers to both questions.
contract StubVerifier is IResultVerifier {
    bool public needsReceipt;
    bytes32 private expected;
    address private payee;

    constructor(bool needs) {
        needsReceipt = needs;
    }

    function setNeedsReceipt(bool to) external {
        needsReceipt = to;
    }

    /// The one output that is right, and the one payee of its proof; zero: any.
    function expect(bytes calldata output, address to) external {
        expected = keccak256(output);
        payee = to;
    }

    function verify(Answer calldata answer, bytes calldata proof) external view returns (bool) {
        if (payee != address(0) && payee != answer.payee) return false;
        return keccak256(answer.output) == expected && keccak256(proof) == keccak256("proof");
    }
}

/// Takes answers, and does on the way what it is told.
contract Receiver is IProofmarkCallback {
    bool public refuses;
    uint256 public burns;
    address private target;
    bytes private data;

    bytes32 public escrow;
    bytes32 public modelId;
    bytes public output;
    bytes32 public log;
    uint256 public count;
    uint256 public gasGiven;
    bool public done;
    bytes public answer;

    function set(bool refuse, uint256 burn) external {
        (refuses, burns) = (refuse, burn);
    }

    function onCallback(address to, bytes calldata call) external {
        (target, data) = (to, call);
    }

    function onProofmarkResult(bytes32 id, bytes32 model, bytes calldata result, bytes32 by) external {
        gasGiven = gasleft();
        for (uint256 start = gasleft(); start - gasleft() < burns;) { }
        require(!refuses, "not now");
        (escrow, modelId, output, log) = (id, model, result, by);
        count++;
        if (target != address(0)) (done, answer) = target.call(data);
    }
}
