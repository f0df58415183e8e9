import {
  openTokenEngine,
  type TokenEngine,
  type TokenOptions,
} from '../../enclave/worker/model/language/token-engine.ts';
import { decoderSizes, entryOf, type TestDecoder, testDecoder } from '../models/decoder.ts';
import type { Report } from './report.ts';

const REQUESTS = 16;
const TOKENS = 96;
const ROUNDS = 5;

const greedy: TokenOptions = { maxTokens: TOKENS, temperature: 0, topP: 1, seed: new Uint8Array(32) };
const chance: TokenOptions = { maxTokens: TOKENS, temperature: 0.9, topP: 0.9, seed: new Uint8Array(32).fill(1) };

/**
 * What serving eight answers at once gains over one after the other, with prompts, joins, leaves and sampling. The gain is
 * in tokens for a second of processor time, in turns, for on a busy machine the other clock measures the neighbours.
 * Random weights are the worst case for topP: hardly any token is left out.
 */
export async function run(report: Report): Promise<void> {
  const million = await open({ ...decoderSizes.million, layout: 'split' });
  await compare(report, million, { name: 'lm.', options: greedy });
  await compare(report, million, { name: 'lm.top_p_', options: chance });
  await compare(report, await open({ ...decoderSizes.threeMillion, layout: 'split' }), {
    name: 'lm.3m_',
    options: greedy,
  });
  await compare(report, await open({ ...decoderSizes.million, layout: 'optimum' }), {
    name: 'lm.optimum_',
    options: greedy,
  });
}

function open(decoder: Partial<TestDecoder>): Promise<TokenEngine> {
  const options = { optimisation: 'all', threads: 1, endTokens: new Set<number>(), capacity: 8 } as const;
  return openTokenEngine(testDecoder(decoder), { entry: entryOf(decoder), ...options });
}

interface Comparison {
  readonly name: string;
  readonly options: TokenOptions;
}

async function compare(report: Report, engine: TokenEngine, { name, options }: Comparison): Promise<void> {
  const one: Pace[] = [];
  const eight: Pace[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const paces = [await paceOf(engine, options, 1), await paceOf(engine, options, 8)] as const;
    // The first round warms up.
    if (round === 0) continue;
    one.push(paces[0]);
    eight.push(paces[1]);
  }
  report.add(`${name}tokens_per_s_1`, median(one.map(({ wall }) => wall)));
  report.add(`${name}tokens_per_s_8`, median(eight.map(({ wall }) => wall)));
  report.add(
    `${name}batching_gain_8_cpu`,
    median(eight.map(({ processor }, i) => processor / (one[i] as Pace).processor)),
  );
}

/** Tokens for a second of either clock. */
interface Pace {
  readonly wall: number;
  readonly processor: number;
}

async function paceOf(engine: TokenEngine, options: TokenOptions, most: number): Promise<Pace> {
  const started = process.hrtime.bigint();
  const before = process.cpuUsage();
  let next = 0;
  while (next < REQUESTS || engine.running > 0) {
    while (next < REQUESTS && engine.running < most) {
      const id = next++;
      const length = 9 + ((id * 7) % 57);
      const prompt = Array.from({ length }, (_, i) => (31 * id + 17 * i) % 512);
      engine.start(id, prompt, options);
    }
    await engine.step();
  }
  const { user, system } = process.cpuUsage(before);
  const tokens = REQUESTS * TOKENS;
  return {
    wall: tokens / (Number(process.hrtime.bigint() - started) / 1e9),
    processor: tokens / ((user + system) / 1e6),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
