import { configureGlobal } from 'fast-check';
import { testFiles } from '../slices.ts';
import { bundle } from './bundle.ts';
import type { Test } from './collect.ts';
import { record, type Coverage } from './coverage.ts';
import { reason, runAll, runPrepared, type Ended } from './execute.ts';
import { load } from './instance.ts';

/** What the changed code shares with who runs it; the names are Stryker's. */
interface Namespace {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number;
  hitLimit?: number;
  mutantCoverage?: Coverage;
}

interface MutantRun {
  readonly testFilter?: readonly string[];
  readonly hitLimit?: number;
  readonly activeMutant: { readonly id: string };
  readonly mutantActivation: 'runtime' | 'static';
}

/** Values of Stryker's `TestStatus`. */
const SUCCESS = 0;
const SKIPPED = 2;

export const strykerPlugins: readonly object[] = [{ kind: 'TestRunner', name: 'hot', factory: hotRunner }];

/**
 * Stryker's runner for vitest starts a worker for every change, which takes longer than most tests. This one loads the
 * tests once and runs them again under each change. A verdict never rests on what an earlier change left behind: a test
 * that failed must pass again without the change, and a change that nobody noticed gets tests loaded anew, as does one
 * in code that runs while a module loads.
 */
export function hotRunner(): object {
  const space = namespace();
  const durations = new Map<string, number>();
  let code = '';
  let loaded: readonly Test[] = [];

  async function init(): Promise<void> {
    // A change leaves promises behind that nobody awaits.
    process.on('unhandledRejection', () => {});
    // That a property fails is enough: nobody reads its smallest case.
    configureGlobal({ endOnFailure: true });
    const patterns = (process.env['PROOFMARK_MUTATION_TESTS'] ?? '').split(',');
    const root = process.env['PROOFMARK_MUTATION_ROOT'] ?? process.cwd();
    code = await bundle(testFiles(patterns), { sandbox: process.cwd(), root });
    // Here, where Stryker does not count the time.
    loaded = await runWithoutChange(await load(code));
  }

  async function dryRun(): Promise<object> {
    const mutantCoverage = { static: {}, perTest: {} };
    space.mutantCoverage = mutantCoverage;
    const recorded = await record(await load(code), mutantCoverage, (to) => {
      space.currentTestId = to;
    });
    const failed = recorded.filter(({ ended }) => ended.how !== 'passed');
    if (failed.length > 0) return { status: 'error', errorMessage: failed.map(({ ended }) => said(ended)).join('\n') };
    // A test that spoils itself is found here, and not taken for one that noticed something.
    await runWithoutChange(loaded);
    const tests = recorded.map(({ test, milliseconds }) => ({
      id: test.id,
      name: test.id,
      fileName: test.file,
      timeSpentMs: milliseconds,
      status: test.skipped ? SKIPPED : SUCCESS,
    }));
    return { status: 'complete', tests, mutantCoverage };
  }

  async function runWithoutChange(tests: readonly Test[]): Promise<readonly Test[]> {
    const ready = new Set<Test['suite']>();
    for (const test of tests) {
      const started = performance.now();
      const ended = await runPrepared(test, ready);
      if (ended.how !== 'passed') throw new Error(`without a change: ${said(ended)}`);
      durations.set(test.id, performance.now() - started);
    }
    return tests;
  }

  async function mutantRun(run: MutantRun): Promise<object> {
    space.mutantCoverage = { static: {}, perTest: {} };
    if (loaded.length === 0) loaded = await load(code);
    return (run.mutantActivation === 'runtime' ? await tryLoaded(run) : undefined) ?? tryFresh(run);
  }

  /** Nothing where it cannot tell. */
  async function tryLoaded(run: MutantRun): Promise<object | undefined> {
    activate(run);
    const ended = await runAll(chosen(loaded, run));
    space.activeMutant = undefined;
    if (ended.how === 'passed') return undefined;
    if (isEndless(ended)) {
      loaded = [];
      return { status: 'timeout' };
    }
    if (ended.how !== 'failed') return undefined;
    const without = await runPrepared(ended.test, new Set());
    if (without.how === 'passed') return killed(ended.test.id, ended.why);
    loaded = [];
    return undefined;
  }

  async function tryFresh(run: MutantRun): Promise<object> {
    activate(run);
    try {
      const tests = chosen(await load(code), run);
      const ended = await runAll(tests);
      if (isEndless(ended)) return { status: 'timeout' };
      return ended.how === 'failed'
        ? killed(ended.test.id, ended.why)
        : { status: 'survived', nrOfTests: tests.length };
    } catch (error) {
      return killed('loading', reason(error));
    } finally {
      space.activeMutant = undefined;
    }
  }

  function activate({ activeMutant, hitLimit = Infinity }: MutantRun): void {
    Object.assign(space, { activeMutant: activeMutant.id, hitCount: 0, hitLimit });
  }

  function isEndless({ how }: Ended): boolean {
    return how === 'hung' || (space.hitCount ?? 0) > (space.hitLimit ?? Infinity);
  }

  /** The quick ones first: most changes are noticed by many tests. */
  function chosen(tests: readonly Test[], { testFilter }: MutantRun): readonly Test[] {
    const wanted = new Set(testFilter ?? tests.map(({ id }) => id));
    return tests
      .filter(({ id }) => wanted.has(id))
      .sort((a, b) => (durations.get(a.id) ?? 0) - (durations.get(b.id) ?? 0));
  }

  return { capabilities: () => ({ reloadEnvironment: true }), init, dryRun, mutantRun };
}

function killed(test: string, failureMessage: string): object {
  return { status: 'killed', killedBy: [test], failureMessage, nrOfTests: 1 };
}

function said(ended: Ended): string {
  return ended.how === 'failed' ? `${ended.test.id}: ${ended.why}` : `a test ${ended.how}`;
}

function namespace(): Namespace {
  const shared = globalThis as { __stryker__?: Namespace };
  shared.__stryker__ ??= {};
  return shared.__stryker__;
}
