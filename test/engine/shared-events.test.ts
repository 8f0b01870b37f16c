import { expect, it } from 'vitest';
import type { TokenEvent } from '../../src/index.js';
import { createTokenProvider } from '../../src/token-provider.js';
import { CLIENT_ID, CLIENT_SECRET, emulated, workspace } from '../cli/support.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createMemoryStore } from '../support/memory-store.js';

it('what happens at a token store is told, with the generation of each token', async () => {
  const { emulator } = await emulated();
  const cwd = await workspace();
  await createMemoryStore(cwd);
  const env = { FUSION_CLIENT_ID: CLIENT_ID, FUSION_CLIENT_SECRET: CLIENT_SECRET };
  const tokenStore = { provider: './store.mjs' } as const;
  const { tokenEndpoint } = emulator;
  const open = (credentials: object) => {
    const events: TokenEvent[] = [];
    const config = { ims: { tokenEndpoint }, ...credentials, tokenStore };
    return { events, provider: createTokenProvider(config, { env, cwd, onEvent: (event) => events.push(event) }) };
  };
  const renewer = open({ credentials: { provider: 'env' } });
  const consumer = open({});
  await renewer.provider.getToken();
  await renewer.provider.getToken({ forceRenew: true });
  await consumer.provider.getToken();

  const renewal = ['claimed', 'exchanged', 'published', 'renewed'];
  expect(renewer.events.map(({ type }) => type)).toEqual([...renewal, ...renewal]);
  expect(renewer.events.filter(({ type }) => type === 'renewed')).toMatchObject([
    { source: 'env', generation: 1 },
    { source: 'env', generation: 2 },
  ]);
  expect(consumer.events).toMatchObject([
    { type: 'adopted' },
    { type: 'renewed', source: 'token-store', generation: 2 },
  ]);
  expect(renewer.provider.status()).toMatchObject({
    token: { generation: 2 },
    counters: { claimed: 2, exchanged: 2, published: 2, renewed: 2, adopted: 0 },
  });
  expectNoSecrets([renewer.events, consumer.events, consumer.provider.status()], emulator.issuedTokens());
  await Promise.all([renewer.provider.close(), consumer.provider.close()]);
});
