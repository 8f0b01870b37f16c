import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

const unit = base.test.projects.find(({ test }) => test.name === 'unit');

export default defineConfig({
  resolve: unit.resolve,
  plugins: [
    {
      name: 'processes',
      // Stryker asks for threads, which cannot become another user.
      configureVitest({ project }) {
        project.config.pool = 'forks';
      },
    },
  ],
  test: { include: ['test/**/*.test.ts'], testTimeout: unit.test.testTimeout },
});
