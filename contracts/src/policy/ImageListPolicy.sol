// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { PolicySetup } from "./PolicyTypes.sol";
import { WorkerPolicy } from "./WorkerPolicy.sol";

/// Without an image nothing could ever be accepted; the other lists may be "any".
error NothingAccepted();

/**
 * A policy that nobody can change: everything is fixed at deployment. Whoever names it knows for ever what it accepts, and
 * gives up denying what turns out to be bad: `expiresAt` bounds for how long. A changed mind is a new deployment, which
 * requesters name instead.
 */
contract ImageListPolicy is WorkerPolicy {
    constructor(PolicySetup memory setup) WorkerPolicy(setup) {
        bool something = setup.images.length > 0 && setup.hardware.lines != 0
            && (setup.configs.any || setup.configs.ids.length > 0)
            && (setup.runtimes.any || setup.runtimes.ids.length > 0)
            && (setup.executions.any || setup.executions.ids.length > 0)
            && (setup.operators.any || setup.operators.ids.length > 0)
            && (setup.platforms.any || setup.platforms.ids.length > 0);
        if (!something || setup.hardware.expiresAt <= block.timestamp) revert NothingAccepted();
    }
}
