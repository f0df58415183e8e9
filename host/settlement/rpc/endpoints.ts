import { PaymentError } from '../../payments/errors.ts';
import { RpcFault, type RpcFaultCode } from '../errors.ts';
import { createEndpoint, type Endpoint } from './endpoint.ts';

/** The nodes of one chain, in the order in which they are asked. */
export interface Endpoints {
  /** Asks the one in use; where it fails, the next one, which stays in use. */
  call<T>(method: string, params: readonly unknown[], check: Check<T>): Promise<T>;
  /**
   * Asks all, for facts on which money is given: throws where fewer than the quorum answer. With a quorum of one, one
   * node's word is enough, and no other is asked.
   */
  callEach<T>(method: string, params: readonly unknown[], check: Check<T>): Promise<readonly T[]>;
}

/** Reads an answer, or throws what is wrong with it. The second argument is the place of the node that gave it. */
type Check<T> = (result: unknown, endpoint: number) => T;

export interface EndpointsOptions {
  readonly urls: readonly string[];
  readonly chainId: bigint;
  /** How many must answer where all are asked. */
  readonly quorum: number;
  /** For a whole answer. */
  readonly callMs: number;
  /** An URL may hold a key of its operator's: a fault names its place among them. */
  readonly onFault: (endpoint: number, code: RpcFaultCode) => void;
  readonly now: () => number;
}

interface Node {
  readonly index: number;
  readonly endpoint: Endpoint;
  /** Not asked before then, and how long it is left alone after its next fault. */
  restUntil: number;
  restMs: number;
  failedAt: number;
  /** When it last said which chain it is of. */
  provenAt: number;
}

const FIRST_REST_MS = 50;
const LONGEST_REST_MS = 15_000;
/** Where too few others are left to ask: paying callers are refused for as long, after their only node is well again. */
const LONGEST_ALONE_MS = 2_000;
/** A name may lead to another machine one day: what chain it is of is asked again now and then, and after each fault. */
const PROVEN_MS = 60_000;

export function createEndpoints(options: EndpointsOptions): Endpoints {
  const { now, chainId } = options;
  const nodes = options.urls.map(
    (url, index): Node => ({
      index,
      endpoint: createEndpoint({ url, callMs: options.callMs }),
      restUntil: Number.NEGATIVE_INFINITY,
      restMs: FIRST_REST_MS,
      failedAt: Number.NEGATIVE_INFINITY,
      provenAt: Number.NEGATIVE_INFINITY,
    }),
  );
  let inUse = 0;

  async function proven(node: Node): Promise<void> {
    if (now() - node.provenAt < PROVEN_MS) return;
    const said = await node.endpoint.call('eth_chainId', []);
    if (typeof said !== 'string' || !/^0x[0-9a-f]{1,64}$/i.test(said)) {
      throw new RpcFault('rpc_garbage', 'no chain id');
    }
    if (BigInt(said) !== chainId) throw new RpcFault('rpc_wrong_chain', `it is chain ${BigInt(said)}`);
    node.provenAt = now();
  }

  async function ask<T>(node: Node, method: string, params: readonly unknown[], check: Check<T>): Promise<T> {
    try {
      await proven(node);
      const result = check(await node.endpoint.call(method, params), node.index);
      node.restMs = FIRST_REST_MS;
      return result;
    } catch (error) {
      if (error instanceof RpcFault) {
        node.provenAt = Number.NEGATIVE_INFINITY;
        node.failedAt = now();
        node.restUntil = node.failedAt + node.restMs;
        node.restMs = Math.min(2 * node.restMs, LONGEST_REST_MS);
        options.onFault(node.index, error.code);
      }
      throw error;
    }
  }

  function awake(needed: number): readonly Node[] {
    const time = now();
    const rested = nodes.filter(({ restUntil }) => restUntil <= time);
    if (rested.length >= needed) return rested;
    return nodes.filter(({ restUntil, failedAt }) => restUntil <= time || failedAt + LONGEST_ALONE_MS <= time);
  }

  async function call<T>(method: string, params: readonly unknown[], check: Check<T>): Promise<T> {
    const order = [...awake(1)].sort((one, other) => distance(one, inUse) - distance(other, inUse));
    let last: unknown;
    for (const node of order) {
      try {
        const result = await ask(node, method, params, check);
        inUse = node.index;
        return result;
      } catch (error) {
        if (!(error instanceof RpcFault)) throw error;
        last = error;
      }
    }
    const why = last instanceof RpcFault ? last.code : 'every node is left alone for a while';
    throw new PaymentError('chain_unavailable', why, { cause: last });
  }

  return {
    call,
    async callEach(method, params, check) {
      if (options.quorum === 1) return [await call(method, params, check)];
      const asked = await Promise.allSettled(awake(options.quorum).map((node) => ask(node, method, params, check)));
      const answers = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
      if (answers.length >= options.quorum) return answers;
      throw new PaymentError('chain_unavailable', `${answers.length} of ${options.quorum} nodes answered`);
    },
  };

  function distance({ index }: Node, from: number): number {
    return (index - from + nodes.length) % nodes.length;
  }
}
