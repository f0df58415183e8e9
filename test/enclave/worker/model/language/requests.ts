import { createHash, type Hash } from 'node:crypto';
import {
  openTokenEngine,
  type TokenEngine,
  type TokenEngineOptions,
  type TokenOptions,
} from '../../../../../enclave/worker/model/language/token-engine.ts';
import { entryOf, type TestDecoder, testDecoder } from '../../../../models/decoder.ts';

export interface Request {
  readonly prompt: readonly number[];
  readonly options: TokenOptions;
}

/** An engine whose rows of logits end in one hash for each request. */
export interface Watched {
  readonly engine: TokenEngine;
  readonly hashes: Map<number, Hash>;
  readonly rows: Map<number, Float32Array[]>;
}

type WatchedOptions = Partial<TokenEngineOptions> & { readonly keep?: 'rows' };

export function openWatched(decoder: Partial<TestDecoder>, options: WatchedOptions = {}): Promise<Watched> {
  return openWatchedFiles(testDecoder(decoder), { entry: entryOf(decoder), ...options });
}

export async function openWatchedFiles(
  files: ReadonlyMap<string, Uint8Array>,
  options: WatchedOptions & Pick<TokenEngineOptions, 'entry'>,
): Promise<Watched> {
  const hashes = new Map<number, Hash>();
  const rows = new Map<number, Float32Array[]>();
  const observe = (id: number, logits: Float32Array): void => {
    const hash = hashes.get(id) ?? createHash('sha256');
    hashes.set(id, hash.update(new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength)));
    if (options.keep === 'rows') rows.set(id, [...(rows.get(id) ?? []), logits.slice()]);
  };
  const engine = await openTokenEngine(files, {
    optimisation: 'all',
    threads: 1,
    endTokens: new Set([4]),
    capacity: 8,
    observe,
    ...options,
  });
  return { engine, hashes, rows };
}

/** Chance that is the same every time. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export const greedy = (maxTokens: number): TokenOptions => ({
  maxTokens,
  temperature: 0,
  topP: 1,
  seed: new Uint8Array(32),
});

/** Prompts and answers of any length, a third of them greedy. */
export function mixedRequests(
  count: number,
  { vocabulary }: { readonly vocabulary: number } = { vocabulary: 512 },
): readonly Request[] {
  const next = chance(99);
  return Array.from({ length: count }, (_, i) => ({
    prompt: Array.from({ length: 3 + Math.floor(next() * 70) }, () => Math.floor(next() * vocabulary)),
    options: {
      maxTokens: 6 + Math.floor(next() * 34),
      temperature: i % 3 === 0 ? 0 : 0.9,
      topP: i % 2 === 0 ? 1 : 0.9,
      seed: new Uint8Array(32).fill(i + 1),
    },
  }));
}

export interface Answer {
  readonly tokens: readonly number[];
  readonly reason: string;
  readonly logits: string;
}

/** Runs all of them, at most `most` at once, joined in an order and at moments that chance decides. */
export async function runAll(
  { engine, hashes }: Watched,
  requests: readonly Request[],
  most: number,
): Promise<readonly Answer[]> {
  const next = chance(most);
  const waiting = [...requests.keys()];
  const tokens = requests.map((): number[] => []);
  const reasons: string[] = [];
  hashes.clear();
  while (waiting.length > 0 || engine.running > 0) {
    while (waiting.length > 0 && engine.running < most && (engine.running === 0 || next() < 0.3)) {
      const [id = 0] = waiting.splice(most === 1 ? 0 : Math.floor(next() * waiting.length), 1);
      const { prompt, options } = requests[id] as Request;
      engine.start(id, prompt, options);
    }
    for (const event of await engine.step()) {
      if (event.kind === 'token') tokens[event.id]?.push(event.token);
      else reasons[event.id] = event.reason;
    }
  }
  return requests.map((_, id) => ({
    tokens: tokens[id] ?? [],
    reason: reasons[id] ?? 'never',
    logits: hashes.get(id)?.digest('hex') ?? 'none',
  }));
}

export async function runOne(watched: Watched, prompt: readonly number[], options: TokenOptions): Promise<Answer> {
  const [answer] = await runAll(watched, [{ prompt, options }], 1);
  return answer as Answer;
}
