import { suitesOf, type Suite, type Test } from './collect.ts';
import { runPrepared, type Ended } from './execute.ts';

/** How often a change would have been run, by its number. */
type Hits = Record<string, number>;

export interface Coverage {
  readonly static: Hits;
  readonly perTest: Record<string, Hits>;
}

export interface Recorded {
  readonly test: Test;
  readonly ended: Ended;
  readonly milliseconds: number;
}

/** Runs every test and keeps apart what each of them runs. */
export async function record(
  tests: readonly Test[],
  coverage: Coverage,
  attribute: (to: string | undefined) => void,
): Promise<readonly Recorded[]> {
  const names = new Map<Suite, string>();
  const ready = new Set<Suite>();
  const recorded: Recorded[] = [];
  const onSuite = (suite: Suite): void => {
    names.set(suite, `suite ${names.size}`);
    attribute(names.get(suite));
  };
  for (const test of tests) {
    const started = performance.now();
    const ended = await runPrepared(test, ready, { onSuite, onTest: ({ id }) => attribute(id) });
    attribute(undefined);
    recorded.push({ test, ended, milliseconds: performance.now() - started });
  }
  for (const test of tests) if (!test.skipped) addHitsOfSuites(test, names, coverage.perTest);
  for (const name of names.values()) Reflect.deleteProperty(coverage.perTest, name);
  return recorded;
}

/** What prepares a suite is run for each of its tests. */
function addHitsOfSuites(test: Test, names: ReadonlyMap<Suite, string>, perTest: Record<string, Hits>): void {
  const own = { ...perTest[test.id] };
  for (const suite of suitesOf(test)) {
    const shared = perTest[names.get(suite) ?? ''] ?? {};
    for (const [change, count] of Object.entries(shared)) own[change] = (own[change] ?? 0) + count;
  }
  perTest[test.id] = own;
}
