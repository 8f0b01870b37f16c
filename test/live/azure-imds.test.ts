import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { stubBareEnvironment } from '../support/azure/bare-environment.js';
import { openProvider } from '../support/azure/harness.js';
import { type ImdsStandIn, startImds } from '../support/azure/managed-identity.js';
import { type AzureStandIn, startAzure } from '../support/azure/stand-in.js';

/** On a virtual machine. MSAL settles on one source of managed identities a process: so not beside App Service. */
describe('azure-key-vault by the managed identity of IMDS', () => {
  const resourceId = '/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/w';
  const [system, user, other] = [randomUUID(), randomUUID(), randomUUID()];
  let azure: AzureStandIn;
  let imds: ImdsStandIn;
  beforeAll(async () => {
    azure = await startAzure();
    azure.vault.store.add('ims', 'the secret', {});
    for (const clientId of [system, user, other]) azure.vault.grant(clientId, 'get');
    imds = await startImds(azure.issuer, {
      system,
      user: [
        { clientId: user, resourceId },
        { clientId: other, resourceId: `${resourceId}2` },
      ],
    });
  });
  beforeEach(() => {
    stubBareEnvironment(azure.folder);
    for (const [name, value] of Object.entries(imds.env)) vi.stubEnv(name, value);
  });
  afterEach(() => {
    imds.fault('none');
    vi.unstubAllEnvs();
  });
  afterAll(async () => {
    await imds.close();
    await azure.close();
  });

  async function callerBy(auth: Record<string, unknown>): Promise<string | undefined> {
    const { provider, ref } = await openProvider({ ...azure.trust, secretName: 'ims', auth });
    try {
      await provider.readSecret(ref);
      return azure.vault.callers.at(-1);
    } finally {
      await provider.close?.();
    }
  }

  it.each([
    ['assigned by the system', {}, system],
    ['assigned by the user, named by client id', { clientId: user }, user],
    ['assigned by the user, named by resource id', { resourceId }, user],
  ])('%s', async (_title, options, expected) => {
    expect(await callerBy({ method: 'managed-identity', ...options })).toBe(expected);
    expect(imds.requests.at(-1)?.query.get('resource')).toBe('https://vault.azure.net');
    expect(azure.entra.requests).toEqual([]);
  });

  it('through DefaultAzureCredential', async () => {
    expect(await callerBy({ method: 'default', clientId: other })).toBe(other);
  });

  it('says that the identity is not assigned', async () => {
    await expect(callerBy({ method: 'managed-identity', clientId: randomUUID() })).rejects.toMatchObject({
      code: 'ERR_SECRET_ACCESS_DENIED',
      hint: expect.stringContaining('Assign'),
    });
    // By the default chain it was only a guess that there is one.
    await expect(callerBy({ method: 'default', clientId: randomUUID() })).rejects.toMatchObject({
      code: 'ERR_PROVIDER_NOT_CONFIGURED',
    });
  });

  it.each([404, 410, 429, 500])('takes status %s for a passing fault, and asks once', async (status) => {
    imds.fault({ status, json: {}, headers: { 'retry-after': '2' } });
    const before = imds.requests.length;
    await expect(callerBy({ method: 'managed-identity', clientId: randomUUID() })).rejects.toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      retryable: true,
      retryAfterMs: 2000,
    });
    expect(imds.requests.length - before).toBe(1);
  });
});
