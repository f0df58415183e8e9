import type { Hex } from 'viem';
import { parseJson } from '../../../wire/codec/json.ts';
import { limits } from '../../../wire/limits.ts';
import { RpcFault, RpcRefusal } from '../errors.ts';

/** One node. Nothing that it answers is believed to be JSON-RPC before it was read as such. */
export interface Endpoint {
  /** Throws an `RpcFault` where there is no answer, and an `RpcRefusal` where the answer is no. */
  call(method: string, params: readonly unknown[]): Promise<unknown>;
}

const HTTP_THROTTLED = 429;
/** "Limit exceeded" (EIP-1474). */
const RPC_THROTTLED = -32_005;
/** Of an error's text: enough to tell its kind. */
const SAID = 500;
/** Of what a contract reverted with: a selector, and a sentence of two hundred letters in the form of `Error(string)`. */
const REVERT_BYTES = 4 + 32 + 32 + 200;

export function createEndpoint({ url, callMs }: { readonly url: string; readonly callMs: number }): Endpoint {
  let id = 0;
  return {
    async call(method, params) {
      id += 1;
      const asked = id;
      const body = await post(url, JSON.stringify({ jsonrpc: '2.0', id: asked, method, params }), callMs);
      return resultOf(body, asked);
    },
  };
}

/** The deadline is for the whole answer: a node that sends a byte now and then has not answered. */
async function post(url: string, body: string, callMs: number): Promise<Uint8Array> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(callMs),
    });
    if (response.status === HTTP_THROTTLED) throw new RpcFault('rpc_throttled', 'HTTP 429');
    // Some nodes answer a JSON-RPC error with a status of 4xx: whether it is one is seen by reading it.
    if (response.status >= 500) throw new RpcFault('rpc_unreachable', `HTTP ${response.status}`);
    return await readBounded(response);
  } catch (cause) {
    if (cause instanceof RpcFault) throw cause;
    const late = cause instanceof Error && cause.name === 'TimeoutError';
    throw new RpcFault(late ? 'rpc_timeout' : 'rpc_unreachable', 'no answer', { cause });
  }
}

async function readBounded({ body }: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (body === null) return new Uint8Array(0);
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    // Leaving the loop cancels the body.
    if (length > limits.chainAnswerBytes) throw new RpcFault('rpc_oversize', `more than ${limits.chainAnswerBytes}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function resultOf(body: Uint8Array, asked: number): unknown {
  const answer = parsed(body);
  if (answer['jsonrpc'] !== '2.0') throw new RpcFault('rpc_garbage', 'not JSON-RPC 2.0');
  const error = answer['error'];
  if (error !== undefined && error !== null) {
    const { code, message, data } = error as Readonly<Record<string, unknown>>;
    if (typeof code !== 'number' || typeof message !== 'string') throw new RpcFault('rpc_garbage', 'no error is told');
    if (code === RPC_THROTTLED) throw new RpcFault('rpc_throttled', 'limit exceeded');
    throw new RpcRefusal(code, message.slice(0, SAID), { data: revertDataOf(data) });
  }
  if (answer['id'] !== asked) throw new RpcFault('rpc_garbage', 'the answer to another question');
  if (!('result' in answer)) throw new RpcFault('rpc_garbage', 'neither result nor error');
  return answer['result'];
}

/** Nodes give it as hex, some with a word before it, some in an object. The end of what is long is nobody's reason. */
function revertDataOf(data: unknown): Hex {
  const inner = typeof data === 'object' && data !== null ? (data as Readonly<Record<string, unknown>>)['data'] : data;
  const digits = typeof inner === 'string' ? /^(?:Reverted )?0x((?:[0-9a-f]{2})*)$/i.exec(inner)?.[1] : undefined;
  return `0x${(digits ?? '').slice(0, 2 * REVERT_BYTES).toLowerCase()}`;
}

function parsed(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value = parseJson(body, { maxBytes: limits.chainAnswerBytes, maxValues: limits.chainAnswerValues });
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new RpcFault('rpc_garbage', 'no JSON', { cause });
  }
  throw new RpcFault('rpc_garbage', 'no object');
}
