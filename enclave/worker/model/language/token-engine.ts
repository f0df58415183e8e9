import { isZero } from '../../../../wire/bytes.ts';
import { limits } from '../../../../wire/limits.ts';
import type { Runtime } from '../../../../wire/message/execution.ts';
import { ModelError } from '../errors.ts';
import { type Decoder, openDecoder } from './decoder.ts';
import { batchesKeepBits } from './probe.ts';
import { createSampler, drawAt, SAMPLER } from './sampler.ts';
import type { Batch } from './slots.ts';

export interface TokenOptions {
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 32 bytes; all zero allows greedy only (DESIGN section 4). */
  readonly seed: Uint8Array;
}

/** An end token is not reported as a token. */
export type TokenEvent =
  | { readonly kind: 'token'; readonly id: number; readonly token: number }
  | { readonly kind: 'ended'; readonly id: number; readonly reason: 'end' | 'length' };

/**
 * Continuous batching: requests join and leave between any two tokens, and the logits of each are those that it has alone,
 * bit for bit. So a receipt does not depend on who else was being served, and an auditor replays one request by itself.
 */
export interface TokenEngine {
  readonly info: {
    readonly engine: Runtime;
    readonly layout: string;
    readonly schedule: string;
    readonly sampler: string;
    readonly contextTokens: number;
    readonly vocabulary: number;
  };
  /** More than this many at once are refused: whoever calls keeps the line. */
  readonly capacity: number;
  readonly running: number;
  /**
   * Takes a prompt into the batch; throws `model_input` where it does not fit the context or holds a token outside the
   * vocabulary. `maxTokens` is cut to what the context leaves.
   */
  start(id: number, prompt: readonly number[], options: TokenOptions): void;
  /** Frees the slot at once. */
  stop(id: number): void;
  /**
   * Prefills one newcomer at most, or decodes one token for everybody that runs; returns what came of it. One at a time.
   * What it throws may leave every request half done: whoever calls gives them all up.
   */
  step(): Promise<readonly TokenEvent[]>;
}

export interface TokenEngineOptions {
  readonly entry: string;
  readonly optimisation: Runtime['optimisation'];
  readonly threads: number;
  readonly endTokens: ReadonlySet<number>;
  readonly capacity: number;
  /** Sees every row of logits before a token is chosen from it. For tests and replays; the row is only valid during the call. */
  readonly observe?: (id: number, logits: Float32Array) => void;
}

/**
 * A prompt is computed alone, in one run of its exact length; then one token a run. A newcomer waits for at most one token
 * of the others, and the others for at most one prompt between two tokens. None of this order changes a bit.
 */
const SCHEDULE = 'one-prefill-then-steps-v1';

interface Row {
  readonly id: number;
  readonly prompt: readonly number[];
  readonly options: TokenOptions;
  readonly limit: number;
  produced: number;
  /** The token that was chosen last and is not yet in the cache. */
  token: number;
  stopped: boolean;
}

/** Rows that share runs, in the order of the batch. */
interface Group {
  readonly width: number;
  readonly batch: Batch;
  readonly rows: Row[];
}

export async function openTokenEngine(
  files: ReadonlyMap<string, Uint8Array>,
  { entry, optimisation, threads, endTokens, capacity, observe }: TokenEngineOptions,
): Promise<TokenEngine> {
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > limits.languageBatch) {
    throw new ModelError('model_refused', `a capacity of ${capacity} is not served`);
  }
  const decoder = await openDecoder(files, { entry, optimisation, threads });
  const shared = await tried(decoder, capacity);
  return createTokenEngine(decoder, { shared, endTokens, capacity, observe });
}

async function tried(decoder: Decoder, capacity: number): Promise<boolean> {
  try {
    return await batchesKeepBits(decoder, capacity);
  } catch (error) {
    throw new ModelError('model_refused', error instanceof Error ? error.message : 'unknown', { cause: error });
  }
}

interface Parts {
  /** Whether rows share runs. */
  readonly shared: boolean;
  readonly endTokens: ReadonlySet<number>;
  readonly capacity: number;
  readonly observe: TokenEngineOptions['observe'] | undefined;
}

function createTokenEngine(decoder: Decoder, { shared, endTokens, capacity, observe }: Parts): TokenEngine {
  const { contextTokens, vocabulary } = decoder;
  const sampler = createSampler(vocabulary);
  const rows = new Map<number, Row>();
  const newcomers: Row[] = [];
  let groups: Group[] = [];
  let stepping = false;
  let prefilledLast = false;

  /** Chooses a token from logits and says what came of it. */
  function advance(row: Row, logits: Float32Array): readonly TokenEvent[] {
    const { id, options } = row;
    observe?.(id, logits);
    const token = sampler.choose(logits, options, () => drawAt(options.seed, row.produced));
    if (endTokens.has(token)) {
      finish(row);
      return [{ kind: 'ended', id, reason: 'end' }];
    }
    row.produced += 1;
    row.token = token;
    const chosen: TokenEvent = { kind: 'token', id, token };
    if (row.produced < row.limit) return [chosen];
    finish(row);
    return [chosen, { kind: 'ended', id, reason: 'length' }];
  }

  function finish(row: Row): void {
    row.stopped = true;
    rows.delete(row.id);
  }

  /** Rows leave between runs only: a run reads the memory that they would move. */
  function sweep(): void {
    for (const group of groups) {
      for (let place = group.rows.length - 1; place >= 0; place--) {
        if (!(group.rows[place] as Row).stopped) continue;
        group.batch.leave(place);
        const last = group.rows.pop() as Row;
        if (place < group.rows.length) group.rows[place] = last;
      }
    }
    groups = groups.filter((group) => group.rows.length > 0);
  }

  function groupFor(row: Row): Group {
    const width = decoder.widthFor(row.prompt.length + row.limit);
    const found = shared ? groups.find((group) => group.width === width) : undefined;
    if (found !== undefined) return found;
    const group: Group = { width, batch: decoder.openBatch(width), rows: [] };
    groups.push(group);
    return group;
  }

  async function prefill(row: Row): Promise<readonly TokenEvent[]> {
    const prefilled = await decoder.prefill(row.prompt);
    if (row.stopped) return [];
    const events = advance(row, prefilled.logits);
    if (row.stopped) return events;
    const group = groupFor(row);
    group.batch.join(prefilled);
    group.rows.push(row);
    return events;
  }

  async function decode(): Promise<readonly TokenEvent[]> {
    const events: TokenEvent[] = [];
    for (const group of groups) {
      const logits = await group.batch.step(group.rows.map(({ token }) => token));
      for (const [place, row] of group.rows.entries()) {
        if (row.stopped) continue;
        events.push(...advance(row, logits.subarray(place * vocabulary, (place + 1) * vocabulary)));
      }
    }
    return events;
  }

  async function stepOnce(): Promise<readonly TokenEvent[]> {
    sweep();
    const newcomer = newcomers[0];
    if (newcomer === undefined || (prefilledLast && groups.length > 0)) {
      prefilledLast = false;
      return decode();
    }
    newcomers.shift();
    prefilledLast = true;
    return prefill(newcomer);
  }

  return {
    info: {
      engine: decoder.runtime,
      layout: decoder.layout,
      schedule: SCHEDULE,
      sampler: SAMPLER,
      contextTokens,
      vocabulary,
    },
    capacity,
    get running() {
      return rows.size;
    },
    start: (id, prompt, options) => {
      if (rows.size >= capacity) throw new ModelError('model_failed', `${capacity} requests run already`);
      if (rows.has(id)) throw new ModelError('model_failed', `request ${id} runs already`);
      checkPrompt(prompt, { contextTokens, vocabulary });
      checkOptions(options);
      const limit = Math.min(options.maxTokens, contextTokens - prompt.length);
      const row: Row = { id, prompt: [...prompt], options, limit, produced: 0, token: 0, stopped: false };
      rows.set(id, row);
      newcomers.push(row);
    },
    stop: (id) => {
      const row = rows.get(id);
      if (row === undefined) return;
      finish(row);
      const place = newcomers.indexOf(row);
      if (place >= 0) newcomers.splice(place, 1);
      if (!stepping) sweep();
    },
    step: async () => {
      if (stepping) throw new ModelError('model_failed', 'a step is under way');
      stepping = true;
      try {
        return await stepOnce();
      } finally {
        stepping = false;
        sweep();
      }
    },
  };
}

function checkPrompt(
  prompt: readonly number[],
  { contextTokens, vocabulary }: Pick<Decoder, 'contextTokens' | 'vocabulary'>,
): void {
  if (prompt.length === 0) throw new ModelError('model_input', 'the prompt is empty');
  if (prompt.length >= contextTokens) {
    throw new ModelError('model_input', `the prompt has ${prompt.length} tokens, and the context ${contextTokens}`);
  }
  if (!prompt.every((token) => Number.isInteger(token) && token >= 0 && token < vocabulary)) {
    throw new ModelError('model_input', 'the prompt holds a token outside the vocabulary');
  }
}

function checkOptions({ maxTokens, temperature, topP, seed }: TokenOptions): void {
  if (!Number.isInteger(maxTokens) || maxTokens < 1) throw new ModelError('model_input', 'maxTokens is not above 0');
  if (!Number.isFinite(temperature) || temperature < 0) throw new ModelError('model_input', 'no temperature like this');
  if (!(topP >= 0 && topP <= 1)) throw new ModelError('model_input', 'topP is not in 0..1');
  if (seed.length !== 32) throw new ModelError('model_input', 'the seed has not 32 bytes');
  if (temperature > 0 && isZero(seed)) throw new ModelError('model_input', 'a temperature above 0 needs a seed');
}
