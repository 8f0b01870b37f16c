import pino from 'pino';
import { afterEach, expect, it } from 'vitest';
import { createTokenProvider, type TokenProvider, type TokenProviderDeps } from '../../src/token-provider.js';
import { CLIENT_ID, CLIENT_SECRET, emulated, workspace } from '../cli/support.js';
import { blockOf, blocksIn, readPage } from '../docs/blocks.js';
import { expectNoSecrets } from '../support/leaks.js';

let provider: TokenProvider | undefined;
afterEach(() => provider?.close());

it('docs/observability.md: the example for pino logs renewals and failures, and no secret', async () => {
  const example = blockOf('docs/observability.md', "from 'pino'").text;
  const program = example.replace(/^import .*\n/gm, '').trim();
  expect(program.split('\n')).toHaveLength(5);

  const { emulator } = await emulated();
  const env = { FUSION_CLIENT_ID: CLIENT_ID, FUSION_CLIENT_SECRET: CLIENT_SECRET, IMSVAULT_IMS_ORG_IDD: 'x' };
  const cwd = await workspace();
  const lines: string[] = [];
  const open = (_config: string, deps: TokenProviderDeps) =>
    createTokenProvider({ ims: { tokenEndpoint: emulator.tokenEndpoint } }, { env, cwd, ...deps });
  const run = new Function('createTokenProvider', 'pino', `${program}\nreturn provider;`);
  provider = run(open, () => pino({}, { write: (line: string) => lines.push(line) })) as TokenProvider;
  const token = await provider.getToken();
  emulator.setClientSecrets(CLIENT_ID, ['another']);
  await provider.getToken({ forceRenew: true }).catch(() => undefined);

  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(records.map(({ level, msg }) => [level, msg])).toEqual([
    [40, expect.stringContaining('IMSVAULT_IMS_ORG_IDD')],
    [30, 'exchanged'],
    [30, 'renewed'],
    [50, 'renewal-failed'],
  ]);
  expect(records[2]).toMatchObject({ source: 'env', clientId: CLIENT_ID, expiresAt: token.expiresAt });
  const shown = JSON.parse(blockOf('docs/observability.md', '"msg":"renewed"').text);
  expect(Object.keys(records[2] ?? {})).toEqual(expect.arrayContaining(Object.keys(shown)));
  expect(records[3]).toMatchObject({ code: 'ERR_TOKEN_REQUEST_REJECTED', retryable: false });
  expectNoSecrets(lines.join(''), [CLIENT_SECRET, token.accessToken]);
});

it('docs/migrate-from-aio-lib-core-auth.md: moving in is a diff of ten lines at most', () => {
  const page = 'docs/migrate-from-aio-lib-core-auth.md';
  const diffs = blocksIn(page, readPage(page)).filter(({ language }) => language === 'diff');
  expect(diffs).toHaveLength(2);
  for (const { text } of diffs) expect(text.match(/^[-+]/gm)?.length).toBeLessThanOrEqual(10);
});
