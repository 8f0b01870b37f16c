import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ImsvaultError } from '../../../src/errors.js';
import { stubBareEnvironment } from '../../support/azure/bare-environment.js';
import { createClientCertificate } from '../../support/azure/certificates.js';
import { openProvider, readerBlock } from '../../support/azure/harness.js';
import { type AzureStandIn, startAzure } from '../../support/azure/stand-in.js';
import type { StandInFault } from '../../support/azure/stand-in-server.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { testContext } from '../../support/provider-context.js';

describe('errors of the Azure login', () => {
  let azure: AzureStandIn;
  beforeAll(async () => {
    azure = await startAzure();
    azure.vault.store.add('ims', '{}', {});
  });
  afterEach(() => {
    azure.entra.fault('none');
    vi.unstubAllEnvs();
  });
  afterAll(() => azure.close());

  async function failure(auth: Record<string, unknown>, context = testContext()): Promise<ImsvaultError> {
    const block = readerBlock(azure, 'ims');
    const { provider, ref } = await openProvider({ ...block, auth: { ...auth } }, context);
    const error = await provider.readSecret(ref).then(
      () => expect.unreachable('it should have failed'),
      (reason: unknown) => reason as ImsvaultError,
    );
    await provider.close?.();
    expectNoSecrets(error, [azure.reader.clientSecret, ...azure.issuer.issued]);
    return error;
  }
  const secretAuth = (change: Record<string, unknown> = {}) => ({ ...readerBlock(azure).auth, ...change });

  it.each([
    ['a wrong client secret', { clientSecret: 'entra~wrong' }, 'AADSTS7000215', /secret is wrong/],
    ['an unknown application', { clientId: 'nobody' }, 'AADSTS700016', /check clientId/],
  ])('explains %s', async (_title, change, number, hint) => {
    const error = await failure(secretAuth(change));
    expect(error).toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED', retryable: false });
    expect(error.message).toContain(number);
    expect(error.hint).toMatch(hint);
    expectNoSecrets(error, ['entra~wrong']);
  });

  const leaky = () => ({ error: 'invalid_client', error_description: `AADSTS7000222: ${azure.reader.clientSecret}` });
  it.each<[string, () => StandInFault, Partial<ImsvaultError>]>([
    ['a refusal that quotes the secret', () => ({ status: 401, json: leaky() }), { code: 'ERR_SECRET_ACCESS_DENIED' }],
    ['an outage', () => ({ status: 503, text: 'down' }), { code: 'ERR_SECRET_UNAVAILABLE', retryable: true }],
    [
      'throttling',
      () => ({ status: 429, json: {}, headers: { 'retry-after': '9' } }),
      { code: 'ERR_SECRET_UNAVAILABLE', retryAfterMs: 9000 },
    ],
    ['a broken connection', () => 'reset', { code: 'ERR_SECRET_UNAVAILABLE', retryable: true }],
    ['an HTML page', () => ({ status: 200, text: '<html>' }), { code: 'ERR_SECRET_UNAVAILABLE' }],
  ])('translates %s', async (_title, fault, expected) => {
    azure.entra.fault(fault());
    expect(await failure(secretAuth())).toMatchObject(expected);
  });

  it('ends in time when Entra never answers, and lets a caller go at once', async () => {
    azure.entra.fault('hang');
    expect(await failure(secretAuth(), testContext({ timeoutMs: 200 }))).toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      retryable: true,
    });
    const { provider, ref } = await openProvider(readerBlock(azure, 'ims'));
    const controller = new AbortController();
    const read = provider.readSecret(ref, { signal: controller.signal });
    const other = provider.readSecret(ref);
    setTimeout(() => controller.abort(new Error('the caller gave up')), 50);
    await expect(read).rejects.toThrow('the caller gave up');
    // Expected before it can happen: a rejection that nobody listens to yet fails the run.
    const ended = expect(other).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
    await provider.close?.();
    await ended;
  });

  it("names the tenant when the vault belongs to another than the login's", async () => {
    const error = await failure(secretAuth({ tenantId: 'contoso.example' }));
    expect(error).toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED', hint: expect.stringContaining('tenant') });
  });

  it('reads the client secret from its file at each login', async () => {
    const clientSecretFile = await azure.file('client-secret', 'entra~wrong\n');
    const { clientSecret: _, ...auth } = secretAuth() as Record<string, unknown>;
    const { provider, ref } = await openProvider({
      ...readerBlock(azure, 'ims'),
      auth: { ...auth, clientSecretFile },
    });
    await expect(provider.readSecret(ref)).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
    await azure.file('client-secret', `${azure.reader.clientSecret}\n`);
    expect((await provider.readSecret(ref)).id).toMatch(/\S/);
    await provider.close?.();
  });

  it('says what is wrong with a certificate file', async () => {
    const { certificate, key } = await createClientCertificate('worker');
    const auth = (certificateFile: string) => ({
      method: 'client-certificate',
      tenantId: azure.issuer.tenantId,
      clientId: 'c',
      certificateFile,
    });
    const cases = [
      ['no-key.pem', certificate, /private key/],
      ['no-certificate.pem', key, /no PEM certificate/],
    ] as const;
    for (const [name, content, expected] of cases) {
      const error = await failure(auth(await azure.file(name, content)));
      expect(error.code).toBe('ERR_SECRET_MALFORMED');
      expect(error.message).toMatch(expected);
    }
    expect((await failure(auth('missing.pem'))).code).toBe('ERR_SECRET_MALFORMED');
  });

  it('tells no workload identity from half of one', async () => {
    const auth = { method: 'workload-identity' };
    expect((await failure(auth)).code).toBe('ERR_PROVIDER_NOT_CONFIGURED');
    const half = await failure(auth, testContext({ env: { AZURE_FEDERATED_TOKEN_FILE: 'token' } }));
    expect(half).toMatchObject({ code: 'ERR_SECRET_MALFORMED', message: expect.stringContaining('AZURE_TENANT_ID') });
  });

  describe('by the default chain', () => {
    /** No identity endpoint, no tools, no variables: a bare machine. */
    async function bareMachine() {
      stubBareEnvironment(azure.folder);
      const context = testContext();
      const { createHttpClient } = context;
      context.createHttpClient = (options) => {
        const client = createHttpClient(options);
        const unreachable = Object.assign(new Error('unreachable'), { code: 'ENETUNREACH' });
        const request: typeof client.request = (asked) =>
          asked.url.startsWith('http:') ? Promise.reject(unreachable) : client.request(asked);
        return { ...client, request };
      };
      return context;
    }

    it('says what was tried when there is no login', async () => {
      const error = await failure({ method: 'default' }, await bareMachine());
      expect(error.code).toBe('ERR_PROVIDER_NOT_CONFIGURED');
      for (const name of ['EnvironmentCredential', 'ManagedIdentityCredential', 'AzureCliCredential']) {
        expect(error.message).toContain(name);
      }
      expect(error.hint).toContain('az login');
    });

    it('says so when AZURE_TOKEN_CREDENTIALS is wrong', async () => {
      const context = await bareMachine();
      vi.stubEnv('AZURE_TOKEN_CREDENTIALS', 'nonsense');
      expect((await failure({ method: 'default' }, context)).message).toContain('AZURE_TOKEN_CREDENTIALS');
    });

    it('reports an outage of Entra as such', async () => {
      const context = await bareMachine();
      vi.stubEnv('AZURE_TENANT_ID', azure.issuer.tenantId);
      vi.stubEnv('AZURE_CLIENT_ID', azure.reader.clientId);
      vi.stubEnv('AZURE_CLIENT_SECRET', azure.reader.clientSecret);
      azure.entra.fault({ status: 503, text: '' });
      const auth = { method: 'default', authorityHost: azure.entra.url };
      expect(await failure(auth, context)).toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', retryable: true });
    });

    it('says that az is missing or not logged in', async () => {
      const context = await bareMachine();
      expect(await failure({ method: 'azure-cli' }, context)).toMatchObject({
        code: 'ERR_PROVIDER_NOT_CONFIGURED',
        message: expect.stringContaining('not installed'),
      });
    });
  });
});
