import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // The default leaves one core free, which on two cores is half of them; most tests wait more than they compute.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        // The examples import the package by its name.
        resolve: {
          alias: {
            'imsvault/provider': fileURLToPath(new URL('src/provider-api.ts', import.meta.url)),
            'imsvault/http': fileURLToPath(new URL('src/http/index.ts', import.meta.url)),
          },
        },
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/live/**', 'test/infra/**', 'test/chaos/**'],
          // Some tests start processes; on two busy cores the default of 5 s is not enough for that.
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'live',
          include: ['test/live/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // Each file starts servers of its own; two at once on two cores make their timings meaningless.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          globalSetup: ['test/chaos/support/run.ts'],
          setupFiles: ['test/chaos/support/guard.ts'],
          // They wait for timeouts, mostly.
          maxConcurrency: 8,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'infra',
          include: ['test/infra/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
