import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Corpus, fileName, readCorpus, writeCorpus } from './corpus.ts';

export interface CampaignOptions {
  /** An instrumented bundle, as text. */
  readonly bundle: string;
  readonly inputs: readonly Uint8Array[];
  readonly seconds: number;
  /** A folder of its own, which may be thrown away. */
  readonly scratch: string;
}

export interface Campaign {
  readonly executions: number;
  /** Counters that some input moved. */
  readonly coverage: number;
  readonly found: Corpus;
  readonly end: { readonly kind: 'time-up' } | { readonly kind: 'broken' } | Crash;
  /** What the fuzzer and the target said. */
  readonly output: string;
}

export interface Crash {
  readonly kind: 'crash';
  readonly input: Uint8Array;
}

const JSFUZZ = createRequire(import.meta.url).resolve('jsfuzz/build/src/index.js');

const BUNDLE = 'target.cjs';
const CRASH = 'crash';

/** One input may take this long, in seconds; jsfuzz looks every three. Parsers answer in milliseconds. */
const INPUT_TIMEOUT = 10;
/** Waiting for the worker to load, and for it to end after the input at hand. */
const PATIENCE = 60_000;

/** One target in jsfuzz for so many seconds, counted from its first input. */
export async function runCampaign({ bundle, inputs, seconds, scratch }: CampaignOptions): Promise<Campaign> {
  const folder = join(scratch, 'corpus');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(scratch, BUNDLE), bundle);
  writeCorpus(folder, new Map(inputs.map((input) => [fileName(input), input])));
  const output = await runJsfuzz(scratch, seconds);
  const progress = [...output.matchAll(/^#(\d+) \w+ +cov: (\d+)/gm)].at(-1);
  const executions = Number(progress?.[1] ?? 0);
  const crash = join(scratch, CRASH);
  // A fuzzer that never came to inputs of its own, or that had to be killed, found nothing because it did nothing.
  const worked = executions > inputs.length && output.includes('Worker exited');
  return {
    executions,
    coverage: Number(progress?.[2] ?? 0),
    found: readCorpus(folder),
    end: existsSync(crash)
      ? { kind: 'crash', input: new Uint8Array(readFileSync(crash)) }
      : { kind: worked ? 'time-up' : 'broken' },
    output,
  };
}

function runJsfuzz(cwd: string, seconds: number): Promise<string> {
  const child = spawn(
    process.execPath,
    // Without its versifier, which loops for ever on some texts.
    [JSFUZZ, BUNDLE, 'corpus', '--no-versifier', '--exact-artifact-path', CRASH, '--timeout', `${INPUT_TIMEOUT}`],
    // A process group of its own: jsfuzz ends when both it and its worker are interrupted.
    { cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  const signal = (name: NodeJS.Signals): void => {
    // Without a pid it never started; a group that has just ended is no error.
    if (child.pid === undefined || child.exitCode !== null) return;
    try {
      process.kill(-child.pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  let output = '';
  let stop: NodeJS.Timeout | undefined;
  let giveUp = setTimeout(() => signal('SIGKILL'), PATIENCE);
  const read = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
    // Interrupted before its first answer, the worker would have no handler yet, and its death would look like a crash.
    if (stop !== undefined || !/^#[1-9]/m.test(output)) return;
    clearTimeout(giveUp);
    stop = setTimeout(() => signal('SIGINT'), seconds * 1_000);
    giveUp = setTimeout(() => signal('SIGKILL'), seconds * 1_000 + PATIENCE);
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(stop);
      clearTimeout(giveUp);
      resolve(output);
    });
  });
}
