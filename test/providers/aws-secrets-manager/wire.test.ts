import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import aws from '../../../providers/aws-secrets-manager/index.js';
import { awsEnvironment, STATIC_KEYS } from '../../support/aws/environment.js';
import { testContext } from '../../support/provider-context.js';
import { awsError, type FakeSecretsManager, startFakeSecretsManager } from './fake-secrets-manager.js';

const REF = { secretId: 'ims/fusion' };
const ARN = 'arn:aws:secretsmanager:ap-south-1:123456789012:secret:ims/fusion-AbCdEf';

let server: FakeSecretsManager;
beforeEach(async () => {
  server = await startFakeSecretsManager();
  server.write('{"client_id":"a","client_secret":"b"}');
});
afterEach(async () => {
  await server.close();
  vi.unstubAllEnvs();
});

async function create(variables: Record<string, string>, options: object = {}) {
  const env = awsEnvironment({ ...STATIC_KEYS, ...variables });
  return aws.createProvider(
    { endpoint: server.endpoint, allowSecretsOverPlainHttp: false, ...options },
    testContext({ env }),
  );
}

describe('a read on the wire', () => {
  it('is one request, signed with the credentials found, and tells the time of the server', async () => {
    const provider = await create({ AWS_REGION: 'eu-west-1' });
    const version = await provider.readSecret(REF);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toMatchObject({ accessKeyId: STATIC_KEYS.AWS_ACCESS_KEY_ID, region: 'eu-west-1' });
    expect(Math.abs((version.serverTime ?? 0) - Date.now())).toBeLessThan(5000);
    expect(version.createdAt).toBe(1_700_000_000_500);
    await provider.close?.();
  });

  it.each([
    ['the option', { AWS_REGION: 'eu-west-1' }, { region: 'us-west-2' }, ARN, 'us-west-2'],
    ['the ARN', { AWS_REGION: 'eu-west-1' }, {}, ARN, 'ap-south-1'],
    ['AWS_REGION', { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-north-1' }, {}, 'ims/fusion', 'eu-west-1'],
    ['AWS_DEFAULT_REGION', { AWS_DEFAULT_REGION: 'eu-north-1' }, {}, 'ims/fusion', 'eu-north-1'],
  ])('takes the region from %s', async (_title, variables, options, secretId, region) => {
    const provider = await create(variables, options);
    await provider.readSecret({ secretId }).catch(() => undefined);
    expect(server.requests.map((request) => request.region)).toEqual([region]);
    expect(provider.describe({ secretId })).toBe(`AWS Secrets Manager secret "${secretId}" in ${region}`);
    await provider.close?.();
  });

  it.each([
    ['AWS_REGION', { AWS_REGION: 'evil.example/' }, 'ims/fusion', 'ERR_SECRET_MALFORMED'],
    [
      'an ARN past the schema',
      {},
      'arn:aws:secretsmanager:evil.example/:123456789012:secret:a',
      'ERR_PROVIDER_NOT_CONFIGURED',
    ],
  ])('sends nothing to a region that is none: %s', async (_title, variables, secretId, code) => {
    const provider = await create(variables);
    await expect(provider.readSecret({ secretId })).rejects.toMatchObject({ code });
    expect(server.requests).toHaveLength(0);
    await provider.close?.();
  });

  it('says that no region is set', async () => {
    const provider = await create({});
    await expect(provider.readSecret(REF)).rejects.toMatchObject({
      code: 'ERR_PROVIDER_NOT_CONFIGURED',
      message: 'AWS Secrets Manager secret "ims/fusion": no AWS region is set',
      hint: expect.stringContaining('AWS_REGION'),
    });
    expect(server.requests).toHaveLength(0);
    await provider.close?.();
  });

  it('tries once and passes on how long the server asked to be left alone', async () => {
    const provider = await create({ AWS_REGION: 'eu-west-1' });
    server.answer = awsError('ThrottlingException', 'Rate exceeded', 400, { 'retry-after': '7' });
    await expect(provider.readSecret(REF)).rejects.toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      retryable: true,
      retryAfterMs: 7000,
    });
    expect(server.requests).toHaveLength(1);
    await provider.close?.();
  });

  it.each([
    ['HTML from a firewall', 403, '<html>Blocked</html>', 'ERR_SECRET_ACCESS_DENIED'],
    ['HTML from a proxy', 502, '<html>Bad gateway</html>', 'ERR_SECRET_UNAVAILABLE'],
    ['a redirect', 302, '', 'ERR_SECRET_UNAVAILABLE'],
    ['HTML in place of an answer', 200, '<html>Sign in</html>', 'ERR_SECRET_UNAVAILABLE'],
  ])('translates %s', async (_title, status, body, code) => {
    const provider = await create({ AWS_REGION: 'eu-west-1' });
    server.answer = {
      status,
      headers: { location: `${server.endpoint}/elsewhere`, 'content-type': 'text/html' },
      body,
    };
    await expect(provider.readSecret(REF)).rejects.toMatchObject({
      name: 'ImsvaultError',
      code,
      message: expect.stringContaining(`(HTTP ${status}) is not one of AWS`),
    });
    expect(server.requests).toHaveLength(1);
    await provider.close?.();
  });

  it("says how far the machine's clock is off, and signs the next try by the server's", async () => {
    const provider = await create({ AWS_REGION: 'eu-west-1' });
    const serverNow = new Date(Date.now() + 3_600_000).toUTCString();
    server.answer = awsError('InvalidSignatureException', 'Signature expired: x is now earlier than y', 403, {
      date: serverNow,
    });
    const error = await provider.readSecret(REF).catch((reason) => reason);
    expect(error.message).toMatch(/clock is off by (359\d|360\d) s \(behind\)$/);

    server.answer = undefined;
    await provider.readSecret(REF);
    const [first, second] = server.requests.map((request) => String(request.headers['x-amz-date']).slice(0, 11));
    expect(second).not.toBe(first);
    await provider.close?.();
  });

  it('refuses plain http that the environment names, before anything is sent', async () => {
    const provider = await create(
      { AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: 'http://secrets.example.com' },
      { endpoint: undefined },
    );
    await expect(provider.readSecret(REF)).rejects.toMatchObject({
      code: 'ERR_SECRET_MALFORMED',
      message: 'refused to use plain http to secrets.example.com',
    });
    await provider.close?.();
  });
});
