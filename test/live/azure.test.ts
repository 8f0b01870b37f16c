import { createPrivateKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { reveal } from '../../src/redacted.js';
import { providerConformance } from '../conformance/provider-suite.js';
import { stubBareEnvironment } from '../support/azure/bare-environment.js';
import { createClientCertificate } from '../support/azure/certificates.js';
import { FEDERATED_AUDIENCE } from '../support/azure/client-assertion.js';
import { openProvider, standInHarness } from '../support/azure/harness.js';
import { signWithKey } from '../support/azure/jwt.js';
import { SKIPPED_ELSEWHERE, vaultHarness } from '../support/azure/live-harness.js';
import { type AppServiceStandIn, startAppServiceIdentity } from '../support/azure/managed-identity.js';
import { type AzureStandIn, startAzure } from '../support/azure/stand-in.js';
import { expectNoSecrets } from '../support/leaks.js';
import { testContext } from '../support/provider-context.js';

const vaultUrl = process.env.IMSVAULT_TEST_AZURE_VAULT_URL;
providerConformance({
  name: `azure-key-vault at ${vaultUrl ?? 'the stand-in'}`,
  maxValueBytes: 25_000,
  create: vaultUrl === undefined ? standInHarness : () => vaultHarness(vaultUrl, process.env),
  ...(vaultUrl === undefined ? {} : { skip: SKIPPED_ELSEWHERE }),
});

/** Each by the real SDKs against the stand-in; by IMDS in a file of its own, since MSAL settles on one source a process. */
describe('azure-key-vault logins', () => {
  let azure: AzureStandIn;
  beforeAll(async () => {
    azure = await startAzure();
    azure.vault.store.add('ims', 'the secret', {});
  });
  beforeEach(() => stubBareEnvironment(azure.folder));
  afterEach(() => vi.unstubAllEnvs());
  afterAll(() => azure.close());

  /** Reads the secret by `auth`; `env` is set both in the context and in `process.env`, which the SDK reads. */
  async function read(auth: Record<string, unknown>, env: Record<string, string> = {}) {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const { provider, ref } = await openProvider({ ...azure.trust, secretName: 'ims', auth }, testContext({ env }));
    try {
      const { value } = await provider.readSecret(ref);
      expectNoSecrets(provider, azure.issuer.issued);
      return { value: reveal(value), caller: azure.vault.callers.at(-1) };
    } finally {
      await provider.close?.();
    }
  }

  async function refusal(auth: Record<string, unknown>, env: Record<string, string> = {}): Promise<ImsvaultError> {
    const error = await read(auth, env).then(
      () => expect.unreachable('it should have failed'),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ImsvaultError);
    return error as ImsvaultError;
  }

  function grantedIdentity(): string {
    const clientId = randomUUID();
    azure.vault.grant(clientId, 'get');
    return clientId;
  }
  const entra = () => ({ tenantId: azure.issuer.tenantId, authorityHost: azure.entra.url });

  describe('as an application', () => {
    it('by client secret', async () => {
      const auth = { method: 'client-secret', ...azure.reader, ...entra() };
      expect(await read(auth)).toEqual({ value: 'the secret', caller: azure.reader.clientId });
    });

    it('by client secret in environment variables, through DefaultAzureCredential', async () => {
      const env = {
        AZURE_TENANT_ID: azure.issuer.tenantId,
        AZURE_CLIENT_ID: azure.reader.clientId,
        AZURE_CLIENT_SECRET: azure.reader.clientSecret,
        AZURE_AUTHORITY_HOST: azure.entra.url,
      };
      expect((await read({ method: 'default' }, env)).caller).toBe(azure.reader.clientId);
    });

    it('by certificate, its key in the clear or encrypted', async () => {
      const clientId = grantedIdentity();
      const { certificate, key } = await createClientCertificate('worker');
      azure.entra.register({ clientId, certificate });
      const auth = { method: 'client-certificate', clientId, ...entra() };
      const plain = await azure.file('plain.pem', `${certificate}\n${key}`);
      expect((await read({ ...auth, certificateFile: plain })).caller).toBe(clientId);

      const passphrase = 'key-password';
      const encrypted = createPrivateKey(key).export({
        type: 'pkcs8',
        format: 'pem',
        cipher: 'aes-256-cbc',
        passphrase,
      });
      const locked = await azure.file('locked.pem', `${certificate}\n${encrypted}`);
      const certificatePasswordFile = await azure.file('password', `${passphrase}\n`);
      expect((await read({ ...auth, certificateFile: locked, certificatePasswordFile })).caller).toBe(clientId);
      const wrong = await refusal({ ...auth, certificateFile: locked, certificatePassword: 'other-password' });
      expect(wrong.code).toBe('ERR_SECRET_MALFORMED');
      expectNoSecrets(wrong, ['other-password', passphrase]);
    });

    it('not by a certificate that nobody registered', async () => {
      const clientId = grantedIdentity();
      const [known, other] = await Promise.all([createClientCertificate('known'), createClientCertificate('other')]);
      azure.entra.register({ clientId, certificate: known.certificate });
      const certificateFile = await azure.file('other.pem', `${other.certificate}\n${other.key}`);
      const error = await refusal({ method: 'client-certificate', clientId, certificateFile, ...entra() });
      expect(error).toMatchObject({
        code: 'ERR_SECRET_ACCESS_DENIED',
        message: expect.stringContaining('AADSTS700027'),
      });
    });
  });

  describe('as a workload in Kubernetes', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const issuer = 'https://cluster.example';
    const subject = 'system:serviceaccount:apps:worker';
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, sub: subject, aud: FEDERATED_AUDIENCE, nbf: now, exp: now + 3600 };

    /** What the webhook of AKS puts into a pod. */
    async function pod(change: object = {}) {
      const clientId = grantedIdentity();
      azure.entra.register({ clientId, federated: { issuer, subject, publicKey } });
      return {
        AZURE_CLIENT_ID: clientId,
        AZURE_TENANT_ID: azure.issuer.tenantId,
        AZURE_AUTHORITY_HOST: azure.entra.url,
        AZURE_FEDERATED_TOKEN_FILE: await azure.file('federated', signWithKey({ ...claims, ...change }, privateKey)),
      };
    }

    it.each(['workload-identity', 'default', 'managed-identity'])('by method %s', async (method) => {
      const env = await pod();
      expect(await read({ method }, env)).toEqual({ value: 'the secret', caller: env.AZURE_CLIENT_ID });
    });

    it('by options alone', async () => {
      const { AZURE_CLIENT_ID: clientId, AZURE_FEDERATED_TOKEN_FILE: tokenFile } = await pod();
      expect((await read({ method: 'workload-identity', clientId, tokenFile, ...entra() })).caller).toBe(clientId);
    });

    it.each([
      ['another service account', { sub: 'system:serviceaccount:apps:other' }, 'AADSTS700213'],
      ['another cluster', { iss: 'https://other.example' }, 'AADSTS700211'],
      ['another audience', { aud: 'https://kubernetes.default.svc' }, 'AADSTS700212'],
      ['yesterday', { exp: now - 60 }, 'AADSTS700024'],
    ])('not by a token of %s', async (_title, change, number) => {
      for (const method of ['workload-identity', 'default']) {
        const error = await refusal({ method }, await pod(change));
        expect([error.code, error.message]).toEqual([
          'ERR_SECRET_ACCESS_DENIED',
          expect.stringContaining(`refused (${number})`),
        ]);
      }
    });
  });

  describe('by the managed identity of App Service', () => {
    const resourceId = '/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/w';
    let machine: AppServiceStandIn;
    let [system, user, other] = ['', '', ''];
    beforeAll(async () => {
      [system, user, other] = [grantedIdentity(), grantedIdentity(), grantedIdentity()];
      machine = await startAppServiceIdentity(azure.issuer, {
        system,
        user: [
          { clientId: user, resourceId },
          { clientId: other, resourceId: `${resourceId}2` },
        ],
      });
    });
    afterAll(() => machine.close());

    it('assigned by the system', async () => {
      expect((await read({ method: 'managed-identity' }, machine.env)).caller).toBe(system);
    });

    it('assigned by the user, named by client id or resource id', async () => {
      expect((await read({ method: 'managed-identity', clientId: user }, machine.env)).caller).toBe(user);
      expect((await read({ method: 'managed-identity', resourceId }, machine.env)).caller).toBe(user);
    });

    it('through DefaultAzureCredential', async () => {
      expect((await read({ method: 'default', clientId: other }, machine.env)).caller).toBe(other);
    });

    it('says that an identity is not assigned, or that the endpoint is down', async () => {
      const auth = { method: 'managed-identity', clientId: randomUUID() };
      expect(await refusal(auth, machine.env)).toMatchObject({
        code: 'ERR_SECRET_ACCESS_DENIED',
        hint: expect.stringContaining('Assign'),
      });
      machine.fault('reset');
      const down = await refusal(auth, machine.env);
      machine.fault('none');
      expect(down).toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', retryable: true });
    });
  });

  describe('by the Azure CLI', () => {
    /** A program named `az` in the only folder on PATH. */
    async function az(script: string): Promise<void> {
      await chmod(await azure.file('az', `#!/bin/sh\n${script}\n`), 0o700);
    }

    it.each(['azure-cli', 'default'])('by method %s', async (method) => {
      const clientId = grantedIdentity();
      const token = azure.issuer.issue(clientId, 'https://vault.azure.net');
      const json = JSON.stringify({ accessToken: token, expires_on: Math.floor(Date.now() / 1000) + 3600 });
      const expected = 'account get-access-token --output json --resource https://vault.azure.net';
      await az(`case "$*" in "${expected} --tenant ${azure.issuer.tenantId}") echo '${json}' ;; *) exit 2 ;; esac`);
      if (method === 'default') vi.stubEnv('AZURE_TOKEN_CREDENTIALS', 'AzureCliCredential');
      expect((await read({ method, tenantId: azure.issuer.tenantId })).caller).toBe(clientId);
    });

    it('says that it is not logged in, or that its login has lapsed', async () => {
      await az(`echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`);
      expect(await refusal({ method: 'azure-cli' })).toMatchObject({
        code: 'ERR_PROVIDER_NOT_CONFIGURED',
        message: 'the Azure CLI is not logged in',
      });
      await az(`echo "ERROR: AADSTS70043: The refresh token has expired." >&2; exit 1`);
      expect(await refusal({ method: 'azure-cli' })).toMatchObject({
        code: 'ERR_SECRET_ACCESS_DENIED',
        message: expect.stringContaining('AADSTS70043'),
        hint: 'Run: az login',
      });
    });
  });
});
