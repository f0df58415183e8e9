import type { HostTransport } from '../../../../client/transport.ts';
import { toHex } from '../../../../wire/bytes.ts';
import { array, hexBytes, type Reader, text } from '../../../../wire/codec/fields.ts';
import { parseJson } from '../../../../wire/codec/json.ts';
import { limits } from '../../../../wire/limits.ts';

/** What a host says of one of its workers. It proves nothing: it says whom to ask for evidence. */
export interface HostedWorker {
  readonly state: string;
  readonly fault: string | undefined;
  /** In hex; undefined where the host is not connected to the worker. */
  readonly log: string | undefined;
  readonly models: readonly string[];
}

const listed: Reader<readonly unknown[]> = array((value) => value, { min: 0, max: limits.hintedWorkers });
const word: Reader<string> = text({ min: 1, max: 64, pattern: /[a-z_-]+/ });
const id: Reader<Uint8Array> = hexBytes(32);
const models: Reader<readonly Uint8Array[]> = array(id, { min: 0, max: limits.configurationModels });

export async function askWorkers(transport: HostTransport): Promise<readonly HostedWorker[]> {
  const answer = await transport.get('/v1/workers', limits.hintBytes);
  return listed(parseJson(answer, limits.hintBytes), 'workers').map(workerOf);
}

/** Members that are not known here may come with newer hosts. */
function workerOf(entry: unknown): HostedWorker {
  const { state, fault, log, models: loaded = [] } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  return {
    state: word(state, 'state'),
    fault: fault === undefined ? undefined : word(fault, 'fault'),
    log: log === undefined ? undefined : toHex(id(log, 'log')),
    models: models(loaded, 'models').map(toHex),
  };
}
