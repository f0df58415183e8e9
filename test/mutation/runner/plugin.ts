import { configureGlobal } from 'fast-check';
import { testFiles } from '../slices.ts';
import { bundle, withoutCoverage } from './bundle.ts';
import type { Test } from './collect.ts';
import { type Coverage, record } from './coverage.ts';
import { type Ended, reason, runAll, runPrepared } from './execute.ts';
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

interface Run {
  readonly tests: readonly Test[];
  readonly coverage: Coverage;
  readonly durations: ReadonlyMap<string, number>;
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
  let code = '';
  let quickCode = '';
  let loaded: readonly Test[] = [];
  let usual: Run = { tests: [], coverage: { static: {}, perTest: {} }, durations: new Map() };

  async function init(): Promise<void> {
    // A change leaves promises behind that nobody awaits.
    process.on('unhandledRejection', () => {});
    // That a property fails is enough: nobody reads its smallest case.
    configureGlobal({ endOnFailure: true });
    const patterns = (process.env['PROOFMARK_MUTATION_TESTS'] ?? '').split(',');
    const root = process.env['PROOFMARK_MUTATION_ROOT'] ?? process.cwd();
    code = await bundle(testFiles(patterns), { sandbox: process.cwd(), root });
    // Here, where Stryker does not count the time.
    usual = await runWithoutChange();
    quickCode = withoutCoverage(code);
  }

  async function dryRun(): Promise<object> {
    // A test that spoils itself is found here, and not taken for one that noticed something.
    await record(usual.tests, usual.coverage, attribute);
    const { coverage, durations, tests } = await runWithoutChange();
    const told = tests.map(({ id, file, skipped }) => ({
      id,
      name: id,
      fileName: file,
      timeSpentMs: durations.get(id),
      status: skipped ? SKIPPED : SUCCESS,
    }));
    return { status: 'complete', tests: told, mutantCoverage: coverage };
  }

  /** From loading on: each module keeps the coverage that it finds first. */
  async function runWithoutChange(): Promise<Run> {
    const coverage = { static: {}, perTest: {} };
    space.mutantCoverage = coverage;
    const tests = await load(code);
    return { tests, coverage, durations: await record(tests, coverage, attribute) };
  }

  function attribute(to: string | undefined): void {
    space.currentTestId = to;
  }

  async function mutantRun(run: MutantRun): Promise<object> {
    if (loaded.length === 0) loaded = await load(quickCode);
    return (run.mutantActivation === 'runtime' ? await tryLoaded(run) : undefined) ?? tryFresh(run);
  }

  /** Nothing where it cannot tell. */
  async function tryLoaded(run: MutantRun): Promise<object | undefined> {
    activate(run);
    const ended = await runAll(chosen(loaded, run), under);
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
      const tests = chosen(await load(quickCode), run);
      const ended = await runAll(tests, under);
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

  /** Loops without end show in the test they hang: Stryker's limit, for all tests together, takes long to reach. */
  function limitHits(test: Test): void {
    const hits = usual.coverage.perTest[test.id]?.[space.activeMutant ?? ''] ?? 0;
    Object.assign(space, { hitCount: 0, hitLimit: 1000 + 20 * hits });
  }

  function isEndless({ how }: Ended): boolean {
    return how === 'hung' || (space.hitCount ?? 0) > (space.hitLimit ?? Infinity);
  }

  /** Less than Stryker's own, which ends the process, for all but the longest. */
  const patience = ({ id }: Test): number => 5_000 + 5 * (usual.durations.get(id) ?? 0);
  const under = { onTest: limitHits, patience };

  /** The quick ones first: most changes are noticed by many tests. */
  function chosen(tests: readonly Test[], { testFilter }: MutantRun): readonly Test[] {
    const wanted = new Set(testFilter ?? tests.map(({ id }) => id));
    return tests
      .filter(({ id }) => wanted.has(id))
      .sort((a, b) => (usual.durations.get(a.id) ?? 0) - (usual.durations.get(b.id) ?? 0));
  }

  return { capabilities: () => ({ reloadEnvironment: true }), init, dryRun, mutantRun };
}

function killed(test: string, failureMessage: string): object {
  return { status: 'killed', killedBy: [test], failureMessage, nrOfTests: 1 };
}

function namespace(): Namespace {
  const shared = globalThis as { __stryker__?: Namespace };
  shared.__stryker__ ??= {};
  return shared.__stryker__;
}
