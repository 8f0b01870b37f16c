import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { reveal } from '../../../src/redacted.js';
import { openProvider, readerBlock } from '../../support/azure/harness.js';
import { type AzureStandIn, startAzure } from '../../support/azure/stand-in.js';
import { testContext } from '../../support/provider-context.js';

describe('secrets of an Azure Key Vault', () => {
  let azure: AzureStandIn;
  let context: ReturnType<typeof testContext>;
  beforeAll(async () => {
    azure = await startAzure();
  });
  beforeEach(() => {
    context = testContext();
  });
  afterAll(() => azure.close());

  const open = (options: Record<string, unknown>) => {
    const { secretName: _, ...block } = readerBlock(azure);
    return openProvider({ ...block, ...options }, context);
  };
  const add = (name: string, value: string, change = {}) => azure.vault.store.add(name, value, change);

  it('reads one JSON secret with its id and times', async () => {
    const { version, attributes } = add('one', '{"a":1}');
    const { provider, ref } = await open({ secretName: 'one' });
    const read = await provider.readSecret(ref);
    expect(reveal(read.value)).toBe('{"a":1}');
    expect(read).toMatchObject({ id: version, createdAt: attributes.created * 1000 });
    expect(Math.abs((read.serverTime ?? 0) - Date.now())).toBeLessThan(5000);
    expect(provider.describe(ref)).toBe(`Azure Key Vault secret "one" at ${azure.vault.url}`);
  });

  it('reads two secrets as one credential', async () => {
    const id = add('id', 'the-id');
    const secret = add('secret', 'p8e-the-secret');
    const { provider, ref } = await open({ clientIdSecretName: 'id', clientSecretSecretName: 'secret' });
    const read = await provider.readSecret(ref);
    expect(JSON.parse(reveal(read.value))).toEqual({ client_id: 'the-id', client_secret: 'p8e-the-secret' });
    expect(read.id).toBe(`${id.version}+${secret.version}`);
    expect(read.createdAt).toBe(secret.attributes.created * 1000);
    expect(provider.describe(ref)).toBe(`Azure Key Vault secrets "id" and "secret" at ${azure.vault.url}`);
    const next = add('secret', 'p8e-rotated');
    expect((await provider.readSecret(ref)).id).toBe(`${id.version}+${next.version}`);
  });

  it('names the one of two secrets that is missing', async () => {
    add('id', 'the-id');
    const { provider, ref } = await open({ clientIdSecretName: 'id', clientSecretSecretName: 'nowhere' });
    await expect(provider.readSecret(ref)).rejects.toMatchObject({
      code: 'ERR_SECRET_NOT_FOUND',
      message: expect.stringContaining('"nowhere"'),
    });
  });

  it('reads a named version, and says when there is no such one', async () => {
    const old = add('versioned', 'old');
    add('versioned', 'new');
    const { provider, ref } = await open({ secretName: 'versioned', version: old.version });
    expect(reveal((await provider.readSecret(ref)).value)).toBe('old');
    const missing = { ...ref, version: '0'.repeat(32) };
    await expect(provider.readSecret(missing)).rejects.toMatchObject({ code: 'ERR_SECRET_NOT_FOUND' });
  });

  it('says that a disabled secret is disabled', async () => {
    add('disabled', 'x', { attributes: { enabled: false } });
    const { provider, ref } = await open({ secretName: 'disabled' });
    await expect(provider.readSecret(ref)).rejects.toMatchObject({
      code: 'ERR_SECRET_ACCESS_DENIED',
      message: expect.stringContaining('disabled'),
      cause: { status: 403, requestId: 'stand-in-request' },
    });
  });

  it('says "not found" for a deleted secret, and how it may come back', async () => {
    add('deleted', 'x');
    azure.vault.store.remove('deleted');
    const { provider, ref } = await open({ secretName: 'deleted' });
    await expect(provider.readSecret(ref)).rejects.toMatchObject({
      code: 'ERR_SECRET_NOT_FOUND',
      hint: expect.stringContaining('recovered'),
    });
  });

  it('serves an expired secret and warns once for each version', async () => {
    const expired = { attributes: { exp: Math.floor(Date.now() / 1000) - 60 } };
    add('expired', 'first', expired);
    const { provider, ref } = await open({ secretName: 'expired' });
    expect(reveal((await provider.readSecret(ref)).value)).toBe('first');
    await provider.readSecret(ref);
    expect(context.warnings).toEqual([expect.stringMatching(/"expired".*has expired/)]);
    add('expired', 'second', expired);
    await provider.readSecret(ref);
    expect(context.warnings).toHaveLength(2);
  });

  it('logs in once for many reads', async () => {
    add('shared', '{}');
    const { provider, ref } = await open({ secretName: 'shared' });
    const before = azure.issuer.issued.length;
    await Promise.all(Array.from({ length: 20 }, () => provider.readSecret(ref)));
    await provider.readSecret(ref);
    expect(azure.issuer.issued.length - before).toBe(1);
  });

  it('makes four requests for a first read, and one for the next', async () => {
    add('counted', '{}');
    const { provider, ref } = await open({ secretName: 'counted' });
    const count = () => [azure.vault.requests.length, azure.entra.requests.length] as const;
    const [vault, entra] = count();
    await provider.readSecret(ref);
    expect(count()).toEqual([vault + 2, entra + 2]);
    await provider.readSecret(ref);
    expect(count()).toEqual([vault + 3, entra + 2]);
  });

  it('tells how it logs in', async () => {
    const { provider } = await open({ secretName: 'one' });
    expect(await provider.login?.()).toMatch(/^client-secret, (59|60) min left$/);
  });

  it('logs in again when the vault no longer takes the token', async () => {
    add('revoked', 'x');
    const { provider, ref } = await open({ secretName: 'revoked' });
    await provider.readSecret(ref);
    azure.issuer.issued.splice(0);
    await expect(provider.readSecret(ref)).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
    expect(reveal((await provider.readSecret(ref)).value)).toBe('x');
  });
});
