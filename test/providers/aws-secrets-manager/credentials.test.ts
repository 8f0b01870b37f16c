import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadAwsSdk } from '../../../providers/aws-secrets-manager/clients.js';
import aws from '../../../providers/aws-secrets-manager/index.js';
import { awsEnvironment } from '../../support/aws/environment.js';
import { testContext } from '../../support/provider-context.js';

const REF = { secretId: 'ims/fusion' };
const opened: Server[] = [];

afterEach(() => {
  for (const server of opened.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  vi.unstubAllEnvs();
});

/** No credentials are ever found in these tests, so Secrets Manager is never asked. */
async function failure(env: Record<string, string>, options: object = {}, signal?: AbortSignal) {
  const provider = await aws.createProvider(
    { endpoint: 'http://127.0.0.1:1', region: 'eu-west-1', allowSecretsOverPlainHttp: false, ...options },
    testContext({ env, timeoutMs: 10_000 }),
  );
  try {
    return await provider.readSecret(REF, signal === undefined ? {} : { signal }).then(
      () => expect.unreachable('there are no credentials'),
      (reason: unknown) => reason,
    );
  } finally {
    await provider.close?.();
  }
}

function write(path: string | undefined, text: string): void {
  if (path === undefined) throw new Error('no path');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

async function listen(server: Server): Promise<string> {
  opened.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('AWS credentials that cannot be had', () => {
  it('is "not configured" where there are none anywhere, and lists the ways', async () => {
    const error = await failure(awsEnvironment());
    expect(error).toMatchObject({
      code: 'ERR_PROVIDER_NOT_CONFIGURED',
      message: 'AWS Secrets Manager secret "ims/fusion" in eu-west-1: no AWS credentials were found',
      hint: expect.stringMatching(/role.*aws sso login.*AWS_ACCESS_KEY_ID/),
    });
  });

  it('ends within seconds where the metadata service swallows the connection', async () => {
    const silent = await listen(createServer(() => undefined));
    const started = performance.now();
    const error = await failure(awsEnvironment({ AWS_EC2_METADATA_SERVICE_ENDPOINT: silent }));
    expect(error).toMatchObject({ code: 'ERR_PROVIDER_NOT_CONFIGURED' });
    expect(performance.now() - started).toBeLessThan(4000);
  });

  it('stops looking when the caller aborts', async () => {
    const silent = await listen(createServer(() => undefined));
    const controller = new AbortController();
    const reason = new Error('the caller gave up');
    setTimeout(() => controller.abort(reason), 50);
    const started = performance.now();
    const env = awsEnvironment({ AWS_EC2_METADATA_SERVICE_ENDPOINT: silent });
    expect(await failure(env, {}, controller.signal)).toBe(reason);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('is "unavailable" where the container endpoint that is named fails', async () => {
    let asked = 0;
    const url = await listen(
      createServer((_request, response) => {
        asked++;
        response.writeHead(500).end();
      }),
    );
    const error = await failure(awsEnvironment({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/creds` }));
    expect(asked).toBeGreaterThan(0);
    expect(error).toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', retryable: true });
    expect(error).toMatchObject({ hint: expect.stringContaining('AWS_CONTAINER_CREDENTIALS_FULL_URI') });
  }, 15_000);

  it.each([
    ['awsProfile', {}, { awsProfile: 'gone' }],
    ['AWS_PROFILE', { AWS_PROFILE: 'gone' }, {}],
  ])('is "malformed" where %s names a profile that does not exist', async (_title, variables, options) => {
    expect(await failure(awsEnvironment(variables), options)).toMatchObject({
      code: 'ERR_SECRET_MALFORMED',
      message: expect.stringContaining('the AWS profile "gone" gives no credentials'),
    });
  });

  it.each([
    ['absent', undefined],
    ['expired', { accessToken: 'marked-sso-token', expiresAt: '2020-01-01T00:00:00Z' }],
  ])('is "denied", with the command to run, where the sign-in session is %s', async (_title, token) => {
    const env = awsEnvironment();
    write(
      env.AWS_CONFIG_FILE,
      '[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Reader\n' +
        '[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example.com/start\n',
    );
    if (token !== undefined) {
      const file = `${createHash('sha1').update('corp').digest('hex')}.json`;
      write(join(env.HOME ?? '', '.aws', 'sso', 'cache', file), JSON.stringify(token));
    }
    expect(await failure(env, { awsProfile: 'work' })).toMatchObject({
      code: 'ERR_SECRET_ACCESS_DENIED',
      hint: 'Run: aws sso login --profile work',
    });
  });

  it('is "denied" where the role of a profile asks for a second factor', async () => {
    const env = awsEnvironment();
    write(
      env.AWS_CONFIG_FILE,
      '[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = marked-key\n' +
        '[profile mfa]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n' +
        'mfa_serial = arn:aws:iam::123456789012:mfa/me\n',
    );
    expect(await failure(env, { awsProfile: 'mfa' })).toMatchObject({
      code: 'ERR_SECRET_ACCESS_DENIED',
      message: expect.stringContaining('second factor'),
    });
  });

  it('is "malformed" where the profiles refer to each other in a circle', async () => {
    const env = awsEnvironment();
    write(
      env.AWS_CONFIG_FILE,
      '[profile a]\nrole_arn = arn:aws:iam::123456789012:role/a\nsource_profile = b\n' +
        '[profile b]\nrole_arn = arn:aws:iam::123456789012:role/b\nsource_profile = a\n',
    );
    expect(await failure(env, { awsProfile: 'a' })).toMatchObject({ code: 'ERR_SECRET_MALFORMED' });
  });

  it('is "malformed" where the web identity token is not there', async () => {
    const env = awsEnvironment({
      AWS_WEB_IDENTITY_TOKEN_FILE: '/nonexistent/token',
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/irsa',
    });
    expect(await failure(env)).toMatchObject({
      code: 'ERR_SECRET_MALFORMED',
      hint: expect.stringContaining('AWS_WEB_IDENTITY_TOKEN_FILE'),
    });
  });
});

describe('a missing SDK', () => {
  const missing = (name: string) => async () => {
    throw Object.assign(new Error(`Cannot find package '${name}' imported from x.js`), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
  };
  const secretsManager = () => import('@aws-sdk/client-secrets-manager');

  it.each(['client-secrets-manager', 'client-sts'])('names the line that installs %s', async (name) => {
    const load = {
      secretsManager: name === 'client-secrets-manager' ? missing(`@aws-sdk/${name}`) : secretsManager,
      sts: missing('@aws-sdk/client-sts'),
    };
    await expect(loadAwsSdk(true, load)).rejects.toMatchObject({
      code: 'ERR_PROVIDER_NOT_INSTALLED',
      hint: `Run: npm install @aws-sdk/${name}`,
    });
  });

  it('does not need STS where no role is to be assumed', async () => {
    await expect(loadAwsSdk(false, { secretsManager, sts: missing('@aws-sdk/client-sts') })).resolves.toHaveProperty(
      'secretsManager.SecretsManagerClient',
    );
  });
});
