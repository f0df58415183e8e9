// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Sha256 } from "../hash/Sha256.sol";

uint256 constant OPERATION_INFER = 0;
uint256 constant FORMAT_INTEGERS = 2;

/// DESIGN section 4, word for word as `wire/message/request.ts` writes it.
struct RequestHeader {
    bytes32 requestId;
    bytes32 modelId;
    uint256 operation;
    uint256 format;
    uint256 jsonLength;
    uint256 flags;
    bytes32 salt;
    bytes32 channel;
    uint256 unitPrice;
    uint256 maxFee;
    uint256 deadline;
    bytes32 seed;
}

/// What stands before SHA-256 of an answer's body.
struct ResponseHeader {
    bytes32 salt;
    uint256 status;
    uint256 format;
    uint256 jsonLength;
}

/// The prefixes 02 and 03 keep requests and responses apart from each other, from leaves and from inner nodes.
library Requests {
    function requestHash(RequestHeader memory header, bytes32 bodyHash) internal view returns (bytes32) {
        return Sha256.digest(abi.encodePacked(hex"02", abi.encode(header), bodyHash));
    }

    function responseHash(ResponseHeader memory header, bytes32 bodyHash) internal view returns (bytes32) {
        return Sha256.digest(abi.encodePacked(hex"03", abi.encode(header), bodyHash));
    }
}
