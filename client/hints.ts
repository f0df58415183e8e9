import { toHex } from '../wire/bytes.ts';
import { array, hexBytes, type Reader, text } from '../wire/codec/fields.ts';
import { parseJson } from '../wire/codec/json.ts';
import { WireError } from '../wire/errors.ts';
import { limits } from '../wire/limits.ts';
import { ClientError } from './errors.ts';
import type { HostTransport } from './transport.ts';

/** What a host says of one of its workers. It proves nothing: it says whom to ask for evidence. */
export interface Hint {
  readonly log: Uint8Array;
  /** In hex. */
  readonly models: readonly string[];
}

export interface HostHints extends Hint {
  readonly host: HostTransport;
}

const listed: Reader<readonly unknown[]> = array(anything, { min: 0, max: limits.hintedWorkers });
const models: Reader<readonly Uint8Array[]> = array(hexBytes(32), { min: 0, max: limits.configurationModels });
const log: Reader<Uint8Array> = hexBytes(32);
const state: Reader<string> = text({ min: 1, max: 64 });

function anything(value: unknown): unknown {
  return value;
}

/** Nothing from a host that does not say, or says something else: hints are not needed. */
export async function readHints(host: HostTransport): Promise<readonly Hint[]> {
  try {
    const answer = parseJson(await host.get('/v1/workers', limits.hintBytes), limits.hintBytes);
    return listed(answer, 'workers').flatMap((entry) => hintOf(entry));
  } catch (error) {
    if (error instanceof ClientError || error instanceof WireError) return [];
    throw error;
  }
}

/** Members that are not known here may come with newer hosts. */
function hintOf(entry: unknown): readonly Hint[] {
  if (typeof entry !== 'object' || entry === null) return [];
  const { log: name, models: offered, state: word } = entry as Readonly<Record<string, unknown>>;
  if (state(word, 'state') !== 'ready') return [];
  return [{ log: log(name, 'log'), models: models(offered, 'models').map(toHex) }];
}
