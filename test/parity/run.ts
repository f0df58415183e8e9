import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { caseName, judgeCase, type Outcome } from './cases.ts';
import { type ParityChain, startParity } from './chain.ts';

export interface RunOptions {
  readonly count: number;
  /** From 1. */
  readonly shard: number;
  readonly shards: number;
  /** Keeps what was done, so that a run that was stopped goes on where it was. */
  readonly folder: string | null;
  readonly say: (line: string) => void;
}

/** Making cases and proving signatures keeps one core busy while the chain answers about the one before. */
const AT_ONCE = 3;

export async function runParity({ count, shard, shards, folder, say }: RunOptions): Promise<readonly Outcome[]> {
  const names = Array.from({ length: count }, (_, number) => number)
    .filter((number) => Math.floor(number / 2) % shards === shard - 1)
    .map(caseName);
  const file = folder === null ? null : progressFile(folder, { shard, shards });
  const done = file === null ? [] : progressIn(file);
  const finished = new Set(done.map(({ id }) => id));
  const wanted = new Set(names);
  const left = names.filter((name) => !finished.has(name));
  if (done.length > 0) say(`${done.length} cases were done before`);
  const outcomes = done.filter(({ id }) => wanted.has(id));
  if (left.length === 0) return outcomes;
  const chain = await startParity();
  try {
    const worker = async (): Promise<void> => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) {
        const outcome = await judgeCase(chain, id);
        outcomes.push(outcome);
        if (file !== null) appendFileSync(file, `${JSON.stringify(outcome)}\n`);
        for (const why of outcome.disagreements) say(`DISAGREEMENT ${id} (${outcome.kind}) ${why}`);
        if (outcomes.length % 500 === 0) say(`${outcomes.length} of ${names.length}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return outcomes;
  } finally {
    await chain.stop();
  }
}

export async function replay(id: string): Promise<Outcome> {
  const chain: ParityChain = await startParity();
  try {
    return await judgeCase(chain, id);
  } finally {
    await chain.stop();
  }
}

function progressFile(folder: string, { shard, shards }: Pick<RunOptions, 'shard' | 'shards'>): string {
  mkdirSync(folder, { recursive: true });
  return join(folder, `parity-${shard}-of-${shards}.jsonl`);
}

/** A last line that was cut off by whatever stopped the run is taken out, and its case done again. */
function progressIn(file: string): readonly Outcome[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole !== text) writeFileSync(file, whole);
  return whole
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Outcome);
}
