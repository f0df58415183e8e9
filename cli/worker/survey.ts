import { ClientError } from '../../client/index.ts';
import { type Asker, proveWorker } from '../../client/receipts/prove-worker.ts';
import type { Verified, WorkerFacts } from '../../verifier/index.ts';
import { fromHex, toHex } from '../../wire/bytes.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';

/** A worker of a host: what the host says of it, and whether that was proven. */
export interface SurveyedWorker {
  /** The host's words; they prove nothing. */
  readonly log: Uint8Array | undefined;
  readonly state: string;
  readonly models: readonly string[];
  readonly proof:
    | { readonly kind: 'proven'; readonly worker: Verified<WorkerFacts> }
    /** `code` is why: of the policy, of the evidence, or of the host that has none. */
    | { readonly kind: 'not-proven'; readonly code: string };
}

interface Hinted {
  readonly log: Uint8Array | undefined;
  readonly state: string;
  readonly models: readonly string[];
}

/** Each worker that the host names, asked for evidence with a challenge of its own. */
export async function surveyWorkers(asker: Asker): Promise<readonly SurveyedWorker[]> {
  const hinted = hintsIn(await asker.host.get('/v1/workers', limits.hintBytes));
  const found: SurveyedWorker[] = [];
  // One after the other: a host gives out few attestations a second.
  for (const hint of hinted) found.push({ ...hint, proof: await proofOf(asker, hint) });
  return found;
}

async function proofOf(asker: Asker, { log }: Hinted): Promise<SurveyedWorker['proof']> {
  if (log === undefined) return { kind: 'not-proven', code: 'log_unknown' };
  try {
    return { kind: 'proven', worker: (await proveWorker(asker, log)).worker };
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return { kind: 'not-proven', code: error.reason };
  }
}

/** Members that are not known here may come with newer hosts; those that are must have their form. */
function hintsIn(bytes: Uint8Array): readonly Hinted[] {
  try {
    const list = parseJson(bytes, limits.hintBytes);
    if (!Array.isArray(list) || list.length > limits.hintedWorkers)
      throw new WireError('field_invalid', 'no list of workers');
    return list.map(hintOf);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('protocol_violated', error.message, { reason: error.code });
  }
}

function hintOf(entry: unknown): Hinted {
  if (typeof entry !== 'object' || entry === null) throw new WireError('field_invalid', 'no worker');
  const { log, state, models } = entry as Readonly<Record<string, unknown>>;
  const names = Array.isArray(models) ? models : [];
  return {
    log: typeof log === 'string' ? fromHex(log, 32) : undefined,
    state: typeof state === 'string' ? state.slice(0, 64) : 'unknown',
    models: names.slice(0, limits.configurationModels).map((model) => toHex(fromHex(String(model), 32))),
  };
}
