import { expect, it } from 'vitest';
import { redact } from '../../src/redacted.js';
import { parseTokenDocument } from '../../src/token/fleet/token-document.js';
import { emulated, run, workspace } from '../cli/support.js';
import { createMemoryStore } from '../support/memory-store.js';
import { blockOf } from './blocks.js';

it('docs/token-document.md shows a token document', () => {
  const { text } = blockOf('docs/token-document.md', '"schema": "imsvault-token/1"');
  const document = parseTokenDocument(redact(text.replace('…', '')), 'the page', Date.UTC(2030, 0, 1, 12));
  expect(document).toMatchObject({ generation: 42, identityRevision: 0 });
});

it('docs/cli.md shows the options in front of a command', async () => {
  const { text } = blockOf('docs/cli.md', '[--set PATH=VALUE]');
  const { stdout } = await run(['--help']);
  const options = (shown: string) => [...shown.matchAll(/--[a-z-]+/g)].map(([option]) => option);
  expect(options(text).sort()).toEqual(
    options(/^Options:[\s\S]*?\n\n/m.exec(stdout)?.[0] ?? '')
      .filter((option) => !/version|help/.test(option))
      .sort(),
  );
});

it('docs/cli.md shows what status prints', async () => {
  const { text } = blockOf('docs/cli.md', '$ imsvault status');
  const { env } = await emulated();
  const cwd = await workspace(
    'defaultProfile: fusion\nprofiles: { fusion: { credentials: { provider: env }, tokenStore: { provider: ./store.mjs } } }\n',
  );
  await createMemoryStore(cwd);
  const command = (...args: string[]) => run([...args, '--config', 'imsvault.config.yaml'], { cwd, env });
  await command('token');
  const labels = (shown: string) => shown.split('\n').map((line) => line.slice(0, 14).trim());
  expect(labels((await command('status')).stdout)).toEqual(labels(text).slice(1));
});
