import { type Suite, suitesOf, type Test } from './collect.ts';
import { runPrepared } from './execute.ts';

/** How often a change would have been run, by its number. */
type Hits = Record<string, number>;

export interface Coverage {
  readonly static: Hits;
  readonly perTest: Record<string, Hits>;
}

/** Runs every test, keeps apart what each of them runs, and says how long each took. */
export async function record(
  tests: readonly Test[],
  coverage: Coverage,
  attribute: (to: string | undefined) => void,
): Promise<ReadonlyMap<string, number>> {
  const names = new Map<Suite, string>();
  const ready = new Set<Suite>();
  const durations = new Map<string, number>();
  const onSuite = (suite: Suite): void => {
    names.set(suite, `suite ${names.size}`);
    attribute(names.get(suite));
  };
  for (const test of tests) {
    const started = performance.now();
    const ended = await runPrepared(test, ready, {
      onSuite,
      onTest: ({ id }) => {
        attribute(id);
      },
    });
    attribute(undefined);
    if (ended.how !== 'passed') throw new Error(`${test.id} ${ended.how === 'failed' ? ended.why : ended.how}`);
    durations.set(test.id, performance.now() - started);
  }
  for (const test of tests) if (!test.skipped) addHitsOfSuites(test, names, coverage.perTest);
  for (const name of names.values()) Reflect.deleteProperty(coverage.perTest, name);
  return durations;
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
