import type { Reporter, TestCase, TestModule } from 'vitest/node';

interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

/**
 * Names every test that did not run, and ends with one line of totals. A file that fails before its first test, and an
 * error outside any test, count as failures: otherwise a broken import would read as "0 failed".
 */
export function houseReporter(): Reporter {
  return {
    onTestRunEnd(modules, unhandledErrors) {
      const totals = count(modules, unhandledErrors.length);
      const lines = totals.skipped.map((name) => `not run: ${name}`);
      lines.push(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped`);
      process.stdout.write(`\n${lines.join('\n')}\n`);
    },
  };
}

function count(modules: readonly TestModule[], unhandled: number): Totals {
  let passed = 0;
  let failed = unhandled;
  const skipped: string[] = [];
  for (const module of modules) {
    let failedHere = 0;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') passed++;
      else if (result.state === 'failed') failedHere++;
      else skipped.push(describeSkip(module, test));
    }
    // Errors of the file itself or of a suite's hooks leave no failed test behind.
    if (failedHere === 0 && module.state() === 'failed') failedHere = 1;
    failed += failedHere;
  }
  return { passed, failed, skipped };
}

function describeSkip(module: TestModule, test: TestCase): string {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  return `${module.relativeModuleId} > ${test.fullName}${note === undefined ? '' : ` (${note})`}`;
}
