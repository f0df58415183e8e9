// Stryker reads its options from here; test/mutation/run.ts says which slice they are for.
const report = process.env['PROOFMARK_MUTATION_REPORT'];

export default {
  testRunner: 'vitest',
  // `related` would follow imports to the tests of other slices.
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
  plugins: ['@stryker-mutator/vitest-runner', './test/mutation/ignore-texts.mjs'],
  ignorers: ['texts'],
  mutate: (process.env['PROOFMARK_MUTATE'] ?? '').split(','),
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 15_000,
  reporters: ['json'],
  jsonReporter: { fileName: report },
  // Its own, so that two runs do not clear each other away.
  tempDirName: `coverage/stryker-${process.pid}`,
  ignorePatterns: ['dist', 'coverage', '.proofmark', 'test/fuzz/corpus'],
  disableTypeChecks: false,
  allowConsoleColors: false,
  warnings: { slow: false },
};
