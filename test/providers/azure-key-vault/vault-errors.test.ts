import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ImsvaultError } from '../../../src/errors.js';
import { createHttpClient } from '../../../src/net/http-client.js';
import { openProvider, readerBlock } from '../../support/azure/harness.js';
import { errorReply } from '../../support/azure/key-vault-replies.js';
import { type AzureStandIn, startAzure } from '../../support/azure/stand-in.js';
import type { StandInFault } from '../../support/azure/stand-in-server.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { testContext } from '../../support/provider-context.js';

describe('errors of an Azure Key Vault', () => {
  let azure: AzureStandIn;
  beforeAll(async () => {
    azure = await startAzure();
    azure.vault.store.add('ims', '{}', {});
  });
  afterEach(() => {
    azure.vault.fault('none');
    azure.vault.forbid(undefined);
    azure.vault.resource = 'https://vault.azure.net';
  });
  afterAll(() => azure.close());

  async function failure(block: Record<string, unknown>, context = testContext()): Promise<ImsvaultError> {
    const { provider, ref } = await openProvider(block, context);
    const error = await provider.readSecret(ref).then(
      () => expect.unreachable('it should have failed'),
      (reason: unknown) => reason as ImsvaultError,
    );
    await provider.close?.();
    expectNoSecrets(error, [azure.reader.clientSecret, ...azure.issuer.issued]);
    return error;
  }

  it.each([
    ['SecretDisabled', /disabled/],
    ['ForbiddenByRbac', /Key Vault Secrets User/],
    ['ForbiddenByPolicy', /access policies/],
    ['AccessDenied', /access policies/],
    ['ForbiddenByFirewall', /firewall/],
    ['ForbiddenByConnection', /private endpoint/],
    ['SomethingNew', /Key Vault Secrets User/],
  ])('explains a 403 with %s', async (innerCode, expected) => {
    azure.vault.forbid(innerCode);
    const error = await failure(readerBlock(azure, 'ims'));
    expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(`${error.message} ${error.hint}`).toMatch(expected);
    expect(error.cause).toMatchObject({ status: 403, requestId: 'stand-in-request' });
  });

  const html = { headers: { 'content-type': 'text/html' }, text: '<html>proxy says p8e-not-yours</html>' };
  const faults: [string, StandInFault, Partial<ImsvaultError>][] = [
    [
      '429 with Retry-After',
      { ...errorReply(429, 'Throttled', 'x'), headers: { 'retry-after': '7' } },
      { code: 'ERR_SECRET_UNAVAILABLE', retryable: true, retryAfterMs: 7000 },
    ],
    ['500', errorReply(500, 'InternalError', 'x'), { code: 'ERR_SECRET_UNAVAILABLE', retryable: true }],
    ['502 as HTML', { status: 502, ...html }, { code: 'ERR_SECRET_UNAVAILABLE', retryable: true }],
    ['503 without a body', { status: 503 }, { code: 'ERR_SECRET_UNAVAILABLE', retryable: true }],
    ['a broken connection', 'reset', { code: 'ERR_SECRET_UNAVAILABLE', retryable: true }],
    ["another server's 404", { status: 404, ...html }, { code: 'ERR_SECRET_UNAVAILABLE', retryable: false }],
    ['a 404 of no secret', errorReply(404, 'NotFound', 'x'), { code: 'ERR_SECRET_UNAVAILABLE', retryable: false }],
    ['400', errorReply(400, 'BadParameter', 'x'), { code: 'ERR_SECRET_UNAVAILABLE', retryable: false }],
    ['200 as HTML', { status: 200, ...html }, { code: 'ERR_SECRET_UNAVAILABLE', retryable: false }],
    ['200 with other JSON', { status: 200, json: { a: 1 } }, { code: 'ERR_SECRET_UNAVAILABLE', retryable: false }],
    ['a 401 without a challenge', { status: 401, text: '' }, { code: 'ERR_SECRET_ACCESS_DENIED', retryable: false }],
    [
      'an endless answer',
      { status: 200, text: 'x'.repeat(2 * 1024 * 1024) },
      { code: 'ERR_SECRET_UNAVAILABLE', retryable: false },
    ],
  ];
  it.each(faults)('translates %s', async (_title, fault, expected) => {
    azure.vault.fault(fault);
    const error = await failure(readerBlock(azure, 'ims'));
    expect(error).toMatchObject(expected);
    expect(error.message).toContain(`"ims" at ${azure.vault.url}`);
    expectNoSecrets(error, ['p8e-not-yours']);
  });

  it('follows no redirect', async () => {
    const location = `${azure.vault.url}/elsewhere`;
    azure.vault.fault({ status: 302, headers: { location } });
    expect(await failure(readerBlock(azure, 'ims'))).toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      retryable: false,
    });
    expect(azure.vault.requests.some(({ path }) => path === '/elsewhere')).toBe(false);
  });

  it('asks once: retries are the caller’s', async () => {
    azure.vault.fault({ status: 503, text: '' });
    const before = azure.vault.requests.length;
    await failure(readerBlock(azure, 'ims'));
    expect(azure.vault.requests.length - before).toBe(1);
  });

  it('trusts only known authorities', async () => {
    const { caFile: _, ...block } = readerBlock(azure, 'ims');
    expect(await failure(block)).toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      retryable: false,
      hint: expect.stringContaining('caFile'),
    });
  });

  it('gives no token to a server that asks for one of another service', async () => {
    const before = azure.issuer.issued.length;
    const error = await failure({ ...readerBlock(azure, 'ims'), disableChallengeResourceVerification: false });
    expect(error).toMatchObject({
      code: 'ERR_SECRET_ACCESS_DENIED',
      hint: expect.stringContaining('disableChallengeResourceVerification'),
    });
    expect(azure.issuer.issued.length).toBe(before);
  });

  it('verifies the challenge of a vault under its cloud’s domain', async () => {
    const name = 'https://v.vault.azure.net';
    const toStandIn: typeof createHttpClient = (...args) => {
      const client = createHttpClient(...args);
      const request: typeof client.request = ({ url, ...rest }) =>
        client.request({ url: url.replace(name, azure.vault.url), ...rest });
      return { ...client, request };
    };
    const context = testContext();
    context.createHttpClient = (options) => toStandIn(context.clock, {}, options);
    const block = { ...readerBlock(azure, 'ims'), vaultUrl: name, disableChallengeResourceVerification: false };
    const { provider, ref } = await openProvider(block, context);
    expect((await provider.readSecret(ref)).id).toMatch(/^[0-9a-f]{32}$/);
    azure.vault.resource = 'https://graph.example';
    const other = await openProvider(block, context);
    await expect(other.provider.readSecret(other.ref)).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
  });
});
