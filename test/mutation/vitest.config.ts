import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** The tests of one slice, as run.ts names them. Those that start browsers see bundles of their own, without mutants. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: (process.env['PROOFMARK_MUTATION_TESTS'] ?? '').split(','),
    exclude: ['**/browser.test.ts', '**/large.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});

export default config;
