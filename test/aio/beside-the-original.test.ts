import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AIO_TOKEN_ENDPOINTS, createAccessTokenGenerator } from '../../src/aio/access-token-generator.js';
import type { AccessTokenParams } from '../../src/aio/aio-params.js';
import { systemClock } from '../../src/clock.js';
import { CLIENT_ID, CLIENT_SECRET, emulated } from '../cli/support.js';
import { expectNoSecrets } from '../support/leaks.js';

type Aio = Pick<ReturnType<typeof createAccessTokenGenerator>, 'generateAccessToken' | 'invalidateCache'>;
const original: Aio = createRequire(import.meta.url)('@adobe/aio-lib-core-auth');
const nativeFetch = globalThis.fetch;
const ORG = 'ABC@AdobeOrg';
const params = () => ({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, orgId: ORG, scopes: ['openid', 'AdobeID'] });

beforeEach(() => original.invalidateCache());
afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

/**
 * Both libraries against one emulator for each environment. The original names its hosts itself: the global fetch, which
 * it uses, is replaced by one that keeps what was asked for and sends it to the emulator.
 */
async function sideBySide() {
  const [{ emulator: prod }, { emulator: stage }] = await Promise.all([emulated(), emulated()]);
  const fetched: { url: string; body: string }[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    fetched.push({ url, body: String(init.body) });
    return nativeFetch((url.includes('-stg1') ? stage : prod).tokenEndpoint, init);
  });
  const ours = createAccessTokenGenerator({
    env: process.env,
    clock: systemClock,
    random: () => 0.5,
    warn: vi.fn(),
    endpoints: { prod: prod.tokenEndpoint, stage: stage.tokenEndpoint },
  });
  return { prod, stage, fetched, ours };
}

describe('the same inputs', () => {
  it.each<[string, AccessTokenParams]>([
    ['camelCase', params()],
    ['snake_case', { client_id: CLIENT_ID, client_secret: CLIENT_SECRET, org_id: ORG, scopes: ['openid'] }],
    ['of a Runtime annotation', { __ims_oauth_s2s: params(), other: 1 }],
  ])('%s: the same request, and an answer of the same shape', async (_name, input) => {
    const { prod, ours } = await sideBySide();
    const theirs = await original.generateAccessToken(structuredClone(input));
    const mine = await ours.generateAccessToken(structuredClone(input));
    const [first, second] = prod.requests;
    expect({ ...second, at: 0 }).toEqual({ ...first, at: 0 });
    expect(prod.issuedTokens()).toEqual([theirs.access_token, mine.access_token]);
    expect(Object.keys(mine).sort()).toEqual(Object.keys(theirs).sort());
    expect(mine.token_type).toBe(theirs.token_type);
    expect(theirs.expires_in - mine.expires_in).toBeLessThanOrEqual(2);
    expect(mine.expires_in).toBeGreaterThan(86_000);
  });

  it('the same hosts', async () => {
    const { ours, fetched, prod, stage } = await sideBySide();
    const cases: [AccessTokenParams, string | undefined, string, 'prod' | 'stage'][] = [
      [params(), undefined, '', 'prod'],
      [params(), 'stage', '', 'stage'],
      [params(), 'prod', 'development-1', 'prod'],
      [params(), 'staging', 'development-1', 'prod'],
      [params(), undefined, 'development-1', 'stage'],
      [params(), '', 'development-1', 'stage'],
      [{ ...params(), __ims_env: 'stage' }, undefined, '', 'stage'],
      [{ ...params(), __ims_env: 'stage' }, 'prod', '', 'prod'],
      [{ ...params(), __ims_env: 'prod' }, undefined, 'development-1', 'prod'],
      // Its types promise `environment`; its code does not read it.
      [{ ...params(), environment: 'stage' }, undefined, '', 'prod'],
    ];
    for (const [input, imsEnv, namespace, expected] of cases) {
      vi.stubEnv('__OW_NAMESPACE', namespace);
      original.invalidateCache();
      ours.invalidateCache();
      await original.generateAccessToken(input, imsEnv);
      expect(fetched.at(-1)?.url).toBe(AIO_TOKEN_ENDPOINTS[expected]);
      const asked = { prod, stage }[expected].requests.length;
      await ours.generateAccessToken(input, imsEnv);
      expect({ prod, stage }[expected].requests.length).toBe(asked + 1);
    }
  });

  it('no scopes: neither request names any', async () => {
    const { ours, prod, fetched } = await sideBySide();
    const input = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, orgId: ORG };
    await original.generateAccessToken(input).catch(() => undefined);
    await ours.generateAccessToken(input).catch(() => undefined);
    expect(new URLSearchParams(fetched[0]?.body).has('scope')).toBe(false);
    expect(prod.requests.map(({ scope, status }) => ({ scope, status }))).toEqual([
      { scope: undefined, status: prod.requests[0]?.status },
      { scope: undefined, status: prod.requests[0]?.status },
    ]);
  });
});

describe('fewer exchanges', () => {
  it('calls at the same time share one; the original makes one for each', async () => {
    const { ours, prod } = await sideBySide();
    const call = ({ generateAccessToken }: Aio) =>
      Promise.all(Array.from({ length: 20 }, () => generateAccessToken(params())));
    await call(original);
    expect(prod.exchanges).toBe(20);
    const answers = await call(ours);
    expect(prod.exchanges).toBe(21);
    expect(new Set(answers.map(({ access_token }) => access_token)).size).toBe(1);
    expect(await ours.generateAccessToken(params())).toMatchObject({ access_token: answers[0]?.access_token });
    expect(prod.exchanges).toBe(21);
  });

  it('an order of scopes is no other token, and the caller’s list stays as it is', async () => {
    const { ours, prod } = await sideBySide();
    const scopes = ['openid', 'AdobeID', 'additional_info.roles'];
    await ours.generateAccessToken({ ...params(), scopes: Object.freeze(scopes) });
    await ours.generateAccessToken({ ...params(), scopes: scopes.toReversed() });
    expect(prod.exchanges).toBe(1);
    const theirs = [...scopes];
    await original.generateAccessToken({ ...params(), scopes: theirs });
    expect(theirs).not.toEqual(scopes);
    expect(prod.requests.map(({ scope }) => scope)).toEqual(Array(2).fill('AdobeID,additional_info.roles,openid'));
  });
});

describe('the same failures, by imsvault’s codes', () => {
  const outcome = (call: Promise<unknown>) =>
    call.then(
      () => 'a token',
      (error: unknown) => error as Error & { code: string; sdkDetails?: Record<string, unknown> },
    ) as Promise<Error & { code: string; sdkDetails: Record<string, unknown> }>;

  it.each<[string, unknown, string, string[]]>([
    ['nothing', undefined, 'BAD_CREDENTIALS_FORMAT', ['']],
    ['a list', [], 'BAD_CREDENTIALS_FORMAT', ['']],
    ['a text', JSON.stringify(params()), 'BAD_CREDENTIALS_FORMAT', ['']],
    ['scopes as a text', { ...params(), scopes: 'openid' }, 'BAD_SCOPES_FORMAT', ['scopes']],
    ['no secret, no org', { clientId: CLIENT_ID }, 'MISSING_PARAMETERS', ['clientSecret', 'orgId']],
    ['nothing in the annotation', { __ims_oauth_s2s: {} }, 'MISSING_PARAMETERS', ['clientId', 'clientSecret', 'orgId']],
  ])('%s', async (_name, input, code, paths) => {
    const { ours, prod } = await sideBySide();
    expect((await outcome(original.generateAccessToken(input as never))).code).toBe(code);
    const error = await outcome(ours.generateAccessToken(input as never));
    expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID', problems: paths.map((path) => ({ path })) });
    expectNoSecrets(error, [CLIENT_SECRET]);
    expect(prod.requests).toEqual([]);
  });

  it('a wrong secret: what IMS said, with its debug id', async () => {
    const { ours } = await sideBySide();
    const wrong = { ...params(), clientSecret: 'p8e-marked-wrong-secret' };
    const theirs = await outcome(original.generateAccessToken(wrong));
    const mine = await outcome(ours.generateAccessToken(wrong));
    expect(theirs.code).toBe('IMS_TOKEN_ERROR');
    expect(mine).toMatchObject({
      code: 'ERR_TOKEN_REQUEST_REJECTED',
      status: theirs.sdkDetails.statusCode,
      error: theirs.sdkDetails.error,
      error_description: theirs.sdkDetails.errorDescription,
      debugId: expect.any(String),
    });
    expectNoSecrets(mine, [wrong.clientSecret]);
  });

  it('a passing 503 as a page of HTML: the original fails, ours tries again', async () => {
    const { ours, prod } = await sideBySide();
    prod.fail({ kind: 'unavailable' }, 1);
    expect((await outcome(original.generateAccessToken(params()))).code).toBe('GENERIC_ERROR');
    prod.fail({ kind: 'unavailable' }, 1);
    expect((await ours.generateAccessToken(params())).access_token).toBe(prod.issuedTokens()[0]);
  });
});
