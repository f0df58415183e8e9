import type { Hex } from 'viem';
import { RpcFault } from '../errors.ts';

/** Strict readers of what nodes answer: what is not in the form that JSON-RPC of Ethereum gives it, is garbage. */

export type Fields = Readonly<Record<string, unknown>>;

export function garbage(what: string): RpcFault {
  return new RpcFault('rpc_garbage', what);
}

export function quantity(value: unknown): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-f]{1,64}$/i.test(value)) throw garbage('not a quantity');
  return BigInt(value);
}

export function bytesText(value: unknown): Hex {
  if (typeof value !== 'string' || value.length % 2 !== 0 || !/^0x[0-9a-f]*$/i.test(value)) throw garbage('not bytes');
  return value.toLowerCase() as Hex;
}

export function word(value: unknown): Hex {
  const text = bytesText(value);
  if (text.length !== 66) throw garbage('not a word');
  return text;
}

export function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw garbage('not an object');
  return value as Fields;
}

export function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw garbage('not a list');
  return value as readonly unknown[];
}
