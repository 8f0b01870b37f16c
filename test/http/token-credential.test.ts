import { Agent, createServer } from 'node:https';
import type { TokenCredential as AzureTokenCredential } from '@azure/core-auth';
import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createEmptyPipeline,
  createPipelineRequest,
} from '@azure/core-rest-pipeline';
import { afterEach, expect, it } from 'vitest';
import { createTokenCredential } from '../../src/http/token-credential.js';
import { createAuthority } from '../support/authority.js';
import { fakeToken } from '../support/fake-token.js';
import { createHttpFixture } from './fixture.js';

const fixture = createHttpFixture();
afterEach(() => fixture.closeAll());

it('gives the token in the shape of Azure’s clients', async () => {
  const token = fakeToken(1_000_000, 86_400);
  const credential = createTokenCredential({ getToken: async () => token, peekToken: () => token });
  for (const scopes of ['openid', ['openid'], [], '', 'openid, openid']) {
    expect(await credential.getToken(scopes)).toEqual({
      token: token.accessToken,
      expiresOnTimestamp: 87_400_000,
      refreshAfterTimestamp: 78_760_000,
      tokenType: 'Bearer',
    });
  }
});

it('gives no token for a scope that it does not have', async () => {
  const credential = createTokenCredential(fixture.provider());
  await expect(credential.getToken(['openid', 'https://vault.azure.net/.default'])).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message: expect.stringContaining('not for https://vault.azure.net/.default'),
  });
});

it('ends its wait with the signal', async () => {
  const credential = createTokenCredential(fixture.provider(() => new Promise(() => undefined)));
  const abort = new AbortController();
  const token = credential.getToken('openid', { abortSignal: abort.signal });
  abort.abort(new Error('enough'));
  await expect(token).rejects.toThrow('enough');
});

it('serves a client of Azure', async () => {
  const authority = await createAuthority('authority');
  const { certificate: cert, key } = await authority.issue({ addresses: ['127.0.0.1'] });
  const { port, seen } = await fixture.api({}, (listener) => createServer({ cert, key }, listener));
  const provider = fixture.provider();
  const credential: AzureTokenCredential = createTokenCredential(provider);
  const pipeline = createEmptyPipeline();
  pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential, scopes: 'openid' }));
  const request = createPipelineRequest({ url: `https://127.0.0.1:${port}/` });
  request.agent = new Agent({ ca: authority.certificate });
  expect((await pipeline.sendRequest(createDefaultHttpClient(), request)).status).toBe(200);
  expect(seen[0]?.headers.authorization).toBe(`Bearer ${(await provider.getToken()).accessToken}`);
});
