import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';
import { keptProcess } from './kept-process.mjs';

const unit = base.test.projects.find(({ test }) => test.name === 'unit');

export default defineConfig({
  resolve: unit.resolve,
  plugins: [
    {
      name: 'kept-process',
      configureVitest({ project }) {
        // Stryker asks for threads, which cannot become another user, and which start anew for each mutant.
        project.config.pool = keptProcess.name;
        project.config.poolRunner = keptProcess;
      },
    },
  ],
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['mutation/setup.mjs'],
    // A busy machine is no reason to give up.
    testTimeout: 120_000,
  },
});
