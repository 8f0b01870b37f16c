import { afterEach, describe, expect, it, vi } from 'vitest';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import { createTokenProvider } from '../../src/token-provider.js';

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
