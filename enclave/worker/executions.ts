import { sha256 } from '../../wire/crypto/node.ts';
import { type Execution, encodeExecution } from '../../wire/message/execution.ts';

/** What the receipt's execution says beyond runtime and processor. */
export type ExecutionDetail = Pick<Execution, 'layout' | 'schedule' | 'generation'>;

/** The preimage, which travels with the receipt, and the hash in it. */
export interface BoundExecution {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
}

/**
 * Without a generation there are as many executions as layouts and schedules, and each is in many receipts: it is written
 * once. Those of language models differ from request to request, and nothing of a request is kept.
 */
export function executionsOf(
  machine: Omit<Execution, keyof ExecutionDetail>,
): (detail: ExecutionDetail) => BoundExecution {
  const known = new Map<string, BoundExecution>();

  function bind(detail: ExecutionDetail): BoundExecution {
    const bytes = encodeExecution({ ...machine, ...detail });
    return { bytes, hash: sha256(bytes) };
  }

  return (detail) => {
    if (detail.generation !== null) return bind(detail);
    const key = `${detail.layout}/${detail.schedule}`;
    const bound = known.get(key) ?? bind(detail);
    known.set(key, bound);
    return bound;
  };
}
