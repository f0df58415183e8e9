// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { IWorkerRegistry } from "../registry/IWorkerRegistry.sol";
import { Channels } from "./Channels.sol";
import { Escrows } from "./Escrows.sol";
import { Funds } from "./Funds.sol";
import { Heads } from "./Heads.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { Address } from "@openzeppelin/contracts/utils/Address.sol";

/**
 * Pays for what proven workers have answered (DESIGN sections 4 and 8), in one token, from channels and from escrows. A
 * receipt has one route: its `channel` is either a channel's id or zero. No owner, no switch, no proxy: the token, the
 * registry and the delay are fixed here, and another is another deployment.
 *
 * Nothing here is paid in the chain's own coin, so that batches by `multicall` count nothing twice.
 */
contract Settlement is Channels, Escrows {
    constructor(IERC20 token, IWorkerRegistry registry, uint256 closeDelay)
        Funds(token)
        Heads(registry)
        Channels(closeDelay)
    { }

    /// Several calls of the sender in one transaction: all or none. Each is guarded by itself.
    function multicall(bytes[] calldata calls) external returns (bytes[] memory results) {
        results = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            results[i] = Address.functionDelegateCall(address(this), calls[i]);
        }
    }
}
