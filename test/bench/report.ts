/** Where a bench puts its numbers: dotted keys whose last part names the unit, such as `verifier.nitro.accept_ms`. */
export interface Report {
  readonly add: (key: string, value: number) => void;
}

/** Every `*.bench.ts` beside this file exports `run`. */
export interface Bench {
  readonly run: (report: Report) => Promise<void>;
}

const KEY = /^[a-z][a-z0-9-]*(\.[a-z0-9_-]+)+$/;

export class BenchError extends Error {
  readonly code:
    | 'key_invalid'
    | 'key_repeated'
    | 'value_invalid'
    | 'bench_invalid'
    /** A server that is measured did not start. */
    | 'server_failed'
    /** What was measured gave something that is no right answer: its speed says nothing. */
    | 'answer_wrong';

  constructor(code: BenchError['code'], detail: string) {
    super(`${code}: ${detail}`);
    this.name = 'BenchError';
    this.code = code;
  }
}

export function createReport(): { readonly report: Report; readonly numbers: ReadonlyMap<string, number> } {
  const numbers = new Map<string, number>();
  const add = (key: string, value: number): void => {
    if (!KEY.test(key) || key.startsWith('meta.')) throw new BenchError('key_invalid', key);
    if (numbers.has(key)) throw new BenchError('key_repeated', key);
    if (!Number.isFinite(value)) throw new BenchError('value_invalid', `${key} = ${value}`);
    // Counts are exact: gas, bytes.
    numbers.set(key, Number.isInteger(value) ? value : Number(value.toPrecision(4)));
  };
  return { report: { add }, numbers };
}

export interface Timing {
  readonly medianMs: number;
  readonly p95Ms: number;
}

/** Times `work` one call at a time, after a tenth of the rounds to warm up. Median and p95, because a mean hides stalls. */
export async function time(rounds: number, work: () => unknown): Promise<Timing> {
  const samples: number[] = [];
  const warmUp = Math.ceil(rounds / 10);
  for (let round = 0; round < warmUp + rounds; round++) {
    const started = process.hrtime.bigint();
    await work();
    if (round >= warmUp) samples.push(Number(process.hrtime.bigint() - started) / 1e6);
  }
  samples.sort((a, b) => a - b);
  const at = (share: number): number =>
    samples[Math.min(samples.length - 1, Math.floor(share * samples.length))] as number;
  return { medianMs: at(0.5), p95Ms: at(0.95) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
