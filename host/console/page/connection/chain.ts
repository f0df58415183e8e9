import { ClientError } from '../../../../client/errors.ts';
import { fromHex, toHex, utf8 } from '../../../../wire/bytes.ts';
import type { JsonValue } from '../../../../wire/codec/json.ts';

/** What the server of the page passes on. Every one of them reads. */
export const chainMethods = [
  'eth_blockNumber',
  'eth_call',
  'eth_chainId',
  'eth_getBlockByHash',
  'eth_getBlockByNumber',
  'eth_getCode',
  'eth_getLogs',
  'eth_getTransactionByHash',
  'eth_getTransactionReceipt',
] as const;

export type ChainMethod = (typeof chainMethods)[number];

export interface ChainReader {
  /** The result as the node gave it: the word of the node that the user named, and as good as that. */
  request(method: ChainMethod, params: readonly JsonValue[]): Promise<JsonValue>;
  chainId(): Promise<bigint>;
  blockNumber(): Promise<bigint>;
  /** What a contract's function returns at the newest block. */
  call(to: Uint8Array, data: Uint8Array): Promise<Uint8Array>;
}

/** Logs of a wide range, and blocks; more is asked for in parts. */
const ANSWER_BYTES = 4_194_304;

export function createChainReader(ask: (body: Uint8Array, maxBytes: number) => Promise<JsonValue>): ChainReader {
  let id = 0;
  const request = async (method: ChainMethod, params: readonly JsonValue[]): Promise<JsonValue> => {
    id += 1;
    const answer = await ask(utf8(JSON.stringify({ jsonrpc: '2.0', id, method, params })), ANSWER_BYTES);
    const { result, error } = membersOf(answer);
    if (error !== undefined || result === undefined) {
      throw new ClientError('host_error', `the chain's node answered ${method} with an error`, {
        reason: 'chain_error',
      });
    }
    return result;
  };
  const quantity = async (method: 'eth_chainId' | 'eth_blockNumber'): Promise<bigint> => {
    const value = await request(method, []);
    if (typeof value !== 'string' || !/^0x[0-9a-f]{1,64}$/.test(value)) throw unreadable(method);
    return BigInt(value);
  };
  return {
    request,
    chainId: () => quantity('eth_chainId'),
    blockNumber: () => quantity('eth_blockNumber'),
    async call(to, data) {
      const value = await request('eth_call', [{ to: `0x${toHex(to)}`, data: `0x${toHex(data)}` }, 'latest']);
      if (typeof value !== 'string' || !/^0x([0-9a-f]{2})*$/.test(value)) throw unreadable('eth_call');
      return fromHex(value.slice(2));
    },
  };
}

function membersOf(answer: JsonValue): { readonly result?: JsonValue; readonly error?: JsonValue } {
  const isObject = typeof answer === 'object' && answer !== null && !Array.isArray(answer);
  return isObject ? (answer as { readonly result?: JsonValue; readonly error?: JsonValue }) : {};
}

function unreadable(method: ChainMethod): ClientError {
  return new ClientError('host_error', `what the chain's node answered to ${method} is no value`, {
    reason: 'chain_error',
  });
}
