import { runTest, type Suite, suitesOf, type Test } from './collect.ts';

export type Ended =
  | { readonly how: 'passed' | 'hung' }
  | { readonly how: 'failed'; readonly test: Test; readonly why: string };

/** Told which code starts now, to whom a change in it belongs. */
interface Phase {
  readonly onSuite?: (suite: Suite) => void;
  readonly onTest?: (test: Test) => void;
  /** In milliseconds, from when on a test counts as one that never ends. */
  readonly patience?: (test: Test) => number;
}

const LONG_MS = 120_000;

/** Up to the first that does not pass. */
export async function runAll(tests: readonly Test[], phase: Phase): Promise<Ended> {
  const ready = new Set<Suite>();
  for (const test of tests) {
    const ended = await runPrepared(test, ready, phase);
    if (ended.how !== 'passed') return ended;
  }
  return { how: 'passed' };
}

/** What prepares a suite runs before the first of its tests. */
export async function runPrepared(test: Test, ready: Set<Suite>, phase: Phase = {}): Promise<Ended> {
  if (test.skipped) return { how: 'passed' };
  try {
    for (const suite of suitesOf(test)) {
      if (ready.has(suite)) continue;
      ready.add(suite);
      phase.onSuite?.(suite);
      for (const hook of suite.beforeAll) await hook();
    }
  } catch (error) {
    return { how: 'failed', test, why: reason(error) };
  }
  phase.onTest?.(test);
  return outcome(test, phase.patience?.(test) ?? LONG_MS);
}

async function outcome(test: Test, patience: number): Promise<Ended> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<Ended>((resolve) => {
    timer = setTimeout(() => {
      resolve({ how: 'hung' });
    }, patience);
  });
  try {
    return await Promise.race([hung, runTest(test).then((): Ended => ({ how: 'passed' }))]);
  } catch (error) {
    return { how: 'failed', test, why: reason(error) };
  } finally {
    clearTimeout(timer);
  }
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
