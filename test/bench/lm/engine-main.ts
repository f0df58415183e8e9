import { openTokenEngine, type TokenEngine } from '../../../enclave/worker/model/language/token-engine.ts';
import { entryOf, testDecoder } from '../../models/decoder.ts';
import { serveJobs } from '../../support/forked.ts';
import type { EngineJob, EngineResult } from './engine.ts';

/** The worker's own loop over a decoder, without worker, host or HTTP around it. */
const CAPACITY = 16;

let loaded: { readonly key: string; readonly engine: TokenEngine } | undefined;

serveJobs(async ({ decoder, endTokens, prompts, sampling }: EngineJob): Promise<EngineResult> => {
  const engine = await load(decoder, endTokens);
  const tokens = prompts.map((): number[] => []);
  const started = performance.now();
  for (const [id, prompt] of prompts.entries()) engine.start(id, prompt, sampling);
  while (engine.running > 0) {
    for (const event of await engine.step()) if (event.kind === 'token') tokens[event.id]?.push(event.token);
  }
  return { seconds: (performance.now() - started) / 1_000, tokens };
});

async function load(decoder: EngineJob['decoder'], endTokens: readonly number[]): Promise<TokenEngine> {
  const key = JSON.stringify([decoder, endTokens]);
  if (loaded?.key === key) return loaded.engine;
  const options = { entry: entryOf(decoder), optimisation: 'all', threads: 1, capacity: CAPACITY } as const;
  const engine = await openTokenEngine(testDecoder(decoder), { ...options, endTokens: new Set(endTokens) });
  loaded = { key, engine };
  return engine;
}
