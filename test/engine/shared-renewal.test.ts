import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AccessToken } from '../../src/access-token.js';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import { createTokenProvider } from '../../src/token-provider.js';
import { createManualClock } from '../support/manual-clock.js';
import { until } from '../testing/over-http.js';

const env = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };
let ims: ImsEmulator | undefined;
afterEach(() => ims?.stop());

async function open(tokenStore: object, onWarning = vi.fn()) {
  ims = await createImsEmulator().start();
  const config = { ims: { tokenEndpoint: ims.tokenEndpoint }, credentials: { provider: 'env' }, tokenStore };
  return { ims, onWarning, provider: createTokenProvider(config as never, { env, onWarning }) };
}

describe('a token store that cannot be used', () => {
  it.each([
    ['is not configured here', { provider: 'vault', path: 'ims/token' }, 'no address'],
    [
      'cannot write',
      { provider: './examples/custom-provider/json-file-provider.mjs', file: 'tokens.json', entry: 't' },
      'cannot store',
    ],
  ])('costs its sharing and not the token: one that %s', async (_title, tokenStore, reason) => {
    const { ims: issuer, provider, onWarning } = await open(tokenStore);
    const token = await provider.getToken();
    expect(issuer.isIssued(token.accessToken)).toBe(true);
    await provider.getToken({ forceRenew: true });
    expect(onWarning).toHaveBeenCalledTimes(1);
    expect(onWarning.mock.calls[0]?.[0]).toContain(reason);
    await provider.close();
  });

  it('is an error where the profile says so', async () => {
    const { ims: issuer, provider } = await open({ provider: 'vault', path: 'ims/token', onUnavailable: 'fail' });
    await expect(provider.getToken()).rejects.toMatchObject({ code: 'ERR_PROVIDER_NOT_CONFIGURED' });
    expect(issuer.exchanges).toBe(0);
    await provider.close();
  });
});

/** Of another identity, so that the first publication replaces it. */
const OLD = {
  schema: 'imsvault-token/1',
  identity: 'x'.repeat(43),
  token_endpoint: 'https://old.example',
  generation: 3,
};

/** A provider of a third party: one value in memory, with metadata that take a moment. */
const MODULE = `
import { redact } from ${JSON.stringify(new URL('../../src/redacted.ts', import.meta.url).href)};
let stored = { value: redact(${JSON.stringify(JSON.stringify(OLD))}), id: '0' };
export default {
  name: 'memory',
  options: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } },
  refOptions: ['key'],
  createProvider: (_connection, { clock }) => ({
    name: 'memory',
    describe: ({ key }) => key,
    readSecret: async () => stored,
    async replaceSecret({ key }, value) {
      stored = { value, id: String(Number(stored.id) + 1) };
      globalThis.written = { key };
      return { id: stored.id };
    },
    async annotateSecret(_ref, metadata) {
      await new Promise((resolve) => clock.setTimer(resolve, 50, { ref: true }));
      globalThis.written.metadata = metadata;
    },
  }),
};
`;

/** A provider whose client never comes. */
const HANGING = `
export default {
  name: 'hanging',
  options: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } },
  refOptions: [],
  createProvider() {
    globalThis.isOpening = true;
    return new Promise(() => undefined);
  },
};
`;

describe('a token store that does not open', () => {
  async function begin() {
    const cwd = await mkdtemp(join(tmpdir(), 'imsvault-engine-'));
    await writeFile(join(cwd, 'hanging.mjs'), HANGING);
    ims = await createImsEmulator().start();
    const config = {
      ims: { tokenEndpoint: ims.tokenEndpoint },
      credentials: { provider: 'env' },
      tokenStore: { provider: './hanging.mjs', timeout: '1s' },
    };
    const clock = createManualClock(Date.now());
    const onWarning = vi.fn();
    const state = globalThis as { isOpening?: boolean };
    state.isOpening = false;
    const provider = createTokenProvider(config as never, { env, cwd, clock, onWarning });
    const call = provider.getToken().catch((error: unknown) => error);
    await until(() => state.isOpening === true);
    return { issuer: ims, provider, call, clock, onWarning, remove: () => rm(cwd, { recursive: true }) };
  }

  it('costs its sharing and not the token, within its timeout', async () => {
    const { issuer, provider, call, clock, onWarning, remove } = await begin();
    await clock.advance(1000);
    expect(await call).toBeInstanceOf(AccessToken);
    expect(issuer.exchanges).toBe(1);
    expect(onWarning.mock.calls).toEqual([['the token store is not used: ./hanging.mjs: not opened within 1000 ms']]);
    await provider.close();
    await remove();
  });

  it('keeps nobody waiting once the provider is closed', async () => {
    const { provider, call, clock, remove } = await begin();
    const closing = provider.close();
    expect(await call).toMatchObject({ code: 'ERR_ABORTED' });
    await clock.advance(1000);
    await closing;
    await remove();
  });
});

describe('a token store that can be used', () => {
  it('has the metadata of the last publication when the provider is closed, under the identity’s name', async () => {
    const cwd = await mkdtemp(join(tmpdir(), 'imsvault-engine-'));
    await writeFile(join(cwd, 'memory.mjs'), MODULE);
    ims = await createImsEmulator().start();
    const config = {
      ims: { tokenEndpoint: ims.tokenEndpoint },
      credentials: { provider: 'env' },
      tokenStore: { provider: './memory.mjs', key: 'ims/{identity}', onMismatch: 'replace', identityRevision: 1 },
    };
    const provider = createTokenProvider(config as never, { env, cwd, onWarning: (text) => expect.fail(text) });
    const token = await provider.getToken();
    const { written } = globalThis as unknown as { written: { key: string; metadata?: object } };
    expect(written.metadata).toBeUndefined();
    await provider.close();
    expect(written.metadata).toMatchObject({ generation: 4, clientId: token.clientId });
    expect(written.key).toMatch(/^ims\/[0-9a-f]{64}$/);
    await rm(cwd, { recursive: true });
  });
});

describe('ims.clientId', () => {
  it.each([
    [
      'with a token store',
      { tokenStore: { provider: './memory.mjs', key: 'k', onMismatch: 'replace', identityRevision: 1 } },
    ],
    ['without one', {}],
  ])('has no credential of another client exchanged, %s', async (_title, more) => {
    const cwd = await mkdtemp(join(tmpdir(), 'imsvault-engine-'));
    await writeFile(join(cwd, 'memory.mjs'), MODULE);
    ims = await createImsEmulator().start();
    const config = {
      ims: { tokenEndpoint: ims.tokenEndpoint, clientId: 'other' },
      credentials: { provider: 'env' },
      ...more,
    };
    const provider = createTokenProvider(config as never, { env, cwd, onWarning: () => undefined });
    await expect(provider.getToken()).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: 'ims.clientId: is other, but the credential of provider env is of client emulator-client-id (code)',
    });
    expect(ims.exchanges).toBe(0);
    await provider.close();
    await rm(cwd, { recursive: true });
  });
});
