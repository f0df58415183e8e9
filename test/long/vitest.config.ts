import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { houseReporter } from '../house/reporter.ts';

/** Campaigns that do not fit `make test`: `make test-long` runs them one file at a time, for hours if need be. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/long/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 1_200_000,
    hookTimeout: 600_000,
    passWithNoTests: true,
    reporters: ['default', houseReporter()],
  },
});

export default config;
