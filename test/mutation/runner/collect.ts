import {
  chai,
  customMatchers,
  type ExpectStatic,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';
import { restoreAllMocks, spyOn } from '@vitest/spy';

type Body = (...given: never[]) => unknown;
type Hook = () => unknown;

export interface Suite {
  readonly title: string;
  readonly parent: Suite | null;
  readonly skipped: boolean;
  readonly beforeAll: Hook[];
  readonly beforeEach: Hook[];
}

export interface Test {
  readonly id: string;
  readonly file: string;
  readonly suite: Suite;
  readonly skipped: boolean;
  readonly body: Hook;
}

/** What test files get for `vitest`, and what they said with it. */
export interface Collection {
  readonly vitest: Readonly<Record<string, unknown>>;
  /** Runs the bodies of suites, one after the other, since they may await. */
  declared(): Promise<readonly Test[]>;
}

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);
const expect = Object.assign(chai.expect, { unreachable: (message?: string): never => chai.expect.fail(message) });
Object.assign(globalThis, { [GLOBAL_EXPECT]: expect });
(chai.expect as unknown as { extend(to: object, matchers: object): void }).extend(expect, customMatchers);
setState({ assertionCalls: 0, isExpectingAssertions: false }, expect as unknown as ExpectStatic);

/**
 * The part of vitest's interface that tests of `wire/` and `verifier/` use, with vitest's own `expect`. Whatever is
 * not here fails when a test file asks for it.
 */
export function collection(): Collection {
  const tests: Test[] = [];
  const suites: { readonly suite: Suite; readonly file: string; readonly declare: Hook }[] = [];
  let file = '';
  let suite = root();

  function addSuite(title: string, body: Body, row: readonly unknown[], skipped: boolean): void {
    const inner = { title, parent: suite, skipped: skipped || suite.skipped, beforeAll: [], beforeEach: [] };
    suites.push({ suite: inner, file, declare: () => call(body, row) });
  }

  function addTest(title: string, body: Body, row: readonly unknown[], skipped: boolean): void {
    const id = `${path(suite, title)} #${tests.length}`;
    tests.push({ id, file, suite, skipped: skipped || suite.skipped, body: () => call(body, row) });
  }

  async function declared(): Promise<readonly Test[]> {
    for (let next = suites.shift(); next !== undefined; next = suites.shift()) {
      ({ suite, file } = next);
      await next.declare();
    }
    return tests;
  }

  const startFile = (name: string): void => {
    file = name;
    suite = root(name);
  };
  const beforeAll = (hook: Hook): number => suite.beforeAll.push(hook);
  const beforeEach = (hook: Hook): number => suite.beforeEach.push(hook);
  const [describe, it] = [declarer(addSuite), declarer(addTest)];
  return { declared, vitest: { startFile, describe, it, beforeAll, beforeEach, expect, vi: { spyOn } } };
}

function call(body: Body, row: readonly unknown[]): unknown {
  return (body as (...given: readonly unknown[]) => unknown)(...row);
}

type Add = (title: string, body: Body, row: readonly unknown[], skipped: boolean) => void;

function declarer(add: Add, skipped = false): object {
  const declare = (title: string, ...rest: unknown[]): void => {
    add(title, bodyIn(rest), [], skipped);
  };
  const each =
    (rows: readonly unknown[]) =>
    (title: string, ...rest: unknown[]): void => {
      for (const row of rows) add(title, bodyIn(rest), Array.isArray(row) ? row : [row], skipped);
    };
  return Object.assign(declare, {
    each,
    ...(skipped ? {} : { skipIf: (when: unknown) => declarer(add, Boolean(when)) }),
  });
}

/** Limits of time may stand before or after it. */
function bodyIn(rest: readonly unknown[]): Body {
  return rest.find((part) => typeof part === 'function') as Body;
}

function root(title = ''): Suite {
  return { title, parent: null, skipped: false, beforeAll: [], beforeEach: [] };
}

function path(suite: Suite, title: string): string {
  return suite.parent === null ? `${suite.title} > ${title}` : path(suite.parent, `${suite.title} > ${title}`);
}

/** Outermost first. */
export function suitesOf({ suite }: Test): readonly Suite[] {
  const suites: Suite[] = [];
  for (let at: Suite | null = suite; at !== null; at = at.parent) suites.unshift(at);
  return suites;
}

export async function runTest(test: Test): Promise<void> {
  try {
    for (const { beforeEach } of suitesOf(test)) for (const hook of beforeEach) await hook();
    await test.body();
  } finally {
    restoreAllMocks();
  }
}
