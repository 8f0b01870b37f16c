import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

it('docs/configuration.md and src/config/options.generated.ts follow from the options', {
  timeout: 30_000,
}, async () => {
  const run = promisify(execFile)(process.execPath, ['scripts/generate.mjs', '--check'], { cwd: root });
  await expect(run).resolves.toMatchObject({ stderr: '' });
});
