// Stryker reads its options from here; test/mutation/run.ts says which slice they are for.
const report = process.env['PROOFMARK_MUTATION_REPORT'];

export default {
  testRunner: 'hot',
  plugins: ['./test/mutation/runner/plugin.ts', './test/mutation/ignore-texts.mjs'],
  ignorers: ['texts'],
  mutate: (process.env['PROOFMARK_MUTATE'] ?? '').split(','),
  coverageAnalysis: 'perTest',
  concurrency: Number(process.env['PROOFMARK_MUTATION_WORKERS'] ?? '2'),
  timeoutMS: 20_000,
  // A change that nobody noticed runs its tests twice, and neighbours may be busier than during the first run.
  timeoutFactor: 4,
  reporters: ['json'],
  jsonReporter: { fileName: report },
  // Its own, so that two runs do not clear each other away.
  tempDirName: `coverage/stryker-${process.pid}`,
  ignorePatterns: ['dist', 'coverage', '.proofmark', 'test/fuzz/corpus'],
  disableTypeChecks: false,
  allowConsoleColors: false,
  warnings: { slow: false },
};
