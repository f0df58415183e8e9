import type { Proof } from '../../client/index.ts';
import type { Done } from '../../contracts/deploy/index.ts';
import { toHex } from '../../wire/bytes.ts';
import type { OnChain } from './on-chain.ts';
import type { Stack } from './stack.ts';

/** What `demo --json` and `up --json` say: attestations/schemas/proofmark-demo.schema.json. Whatever fails is an error instead. */
export interface DemoFacts {
  readonly verdict: 'accepted';
  /** `simulated`: nobody but this machine vouches for it. */
  readonly level: string;
  readonly tee: string;
  readonly url: string;
  readonly policy: string;
  readonly archive: string;
  readonly log: string;
  readonly image: string;
  readonly modelId: string;
  readonly requestId: string;
  readonly fee: string;
  readonly checks: Readonly<Record<string, string>>;
  /** Null without a chain. */
  readonly chain: {
    readonly chainId: string;
    readonly rpc: string;
    readonly registry: string;
    readonly settlement: string;
    readonly transactions: readonly { readonly what: string; readonly hash: string; readonly gasUsed: string }[];
  } | null;
}

export function demoFacts(done: {
  readonly stack: Stack;
  readonly result: Proof;
  readonly archiveFile: string;
  readonly onChain: OnChain | undefined;
  readonly transactions: readonly Done[];
}): DemoFacts {
  const { stack, result, archiveFile, onChain, transactions } = done;
  const { worker, receipt, checks } = result;
  return {
    verdict: 'accepted',
    level: worker.level,
    tee: worker.tee,
    url: stack.url,
    policy: stack.policyFile,
    archive: archiveFile,
    log: toHex(worker.log),
    image: toHex(worker.imageId),
    modelId: toHex(stack.files.modelId),
    requestId: toHex(receipt.requestId),
    fee: String(receipt.fee),
    checks: Object.fromEntries(checks.map(({ id, outcome }) => [id, outcome])),
    chain:
      onChain === undefined
        ? null
        : {
            chainId: String(onChain.local.chainId),
            rpc: onChain.local.url,
            registry: onChain.local.deployment.registry,
            settlement: onChain.local.deployment.settlement,
            transactions: transactions.map(({ what, hash, gasUsed }) => ({ what, hash, gasUsed: String(gasUsed) })),
          },
  };
}
