import type { IncomingMessage } from 'node:http';
import { fromHex } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { HttpError } from './errors.ts';

/** Hex of exactly so many bytes, as it stands in a path or query. */
export function hexParameter(text: unknown, length: number): Uint8Array {
  if (typeof text !== 'string') throw new HttpError('request_invalid');
  try {
    return fromHex(text, length);
  } catch (error) {
    if (error instanceof WireError) throw new HttpError('request_invalid', { cause: error });
    throw error;
  }
}

/** A query value that stands there once; undefined when it does not stand there at all. */
export function queryValue({ url }: Pick<IncomingMessage, 'url'>, name: string): string | undefined {
  const start = url?.indexOf('?') ?? -1;
  if (url === undefined || start < 0) return undefined;
  const values = new URLSearchParams(url.slice(start + 1)).getAll(name);
  if (values.length > 1) throw new HttpError('request_invalid');
  return values[0];
}

/** Which worker or log is meant, where somebody says so. */
export function logParameter(request: Pick<IncomingMessage, 'url'>): Uint8Array | undefined {
  const named = queryValue(request, 'log');
  return named === undefined ? undefined : hexParameter(named, 32);
}

export function sizeParameter(text: string | undefined): number {
  if (text === undefined || !/^(0|[1-9][0-9]{0,15})$/.test(text)) throw new HttpError('request_invalid');
  const value = Number(text);
  if (value > limits.treeSize) throw new HttpError('request_invalid');
  return value;
}
