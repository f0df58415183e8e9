import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { houseReporter } from './test/house/reporter.ts';

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/long/**'],
    // Processes, not threads: tests kill, exhaust and sandbox, and one file must not take another with it.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    // A hook may be the first to need the contracts, and waits for whoever compiles them.
    hookTimeout: 180_000,
    reporters: ['default', houseReporter()],
  },
});

export default config;
