import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ImsvaultError } from '../../../src/errors.js';
import { redact, reveal } from '../../../src/redacted.js';
import { blockOf, openProvider } from '../../support/azure/harness.js';
import { errorReply } from '../../support/azure/key-vault-replies.js';
import { type ApplicationLogin, type AzureStandIn, startAzure } from '../../support/azure/stand-in.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { createManualClock } from '../../support/manual-clock.js';
import { testContext } from '../../support/provider-context.js';

const TOKEN = 'marked-access-token';
const METADATA = { expiresAt: Date.UTC(2030, 0, 2, 3, 4, 5, 678), generation: 7, clientId: 'client-1' };

describe('writing to an Azure Key Vault', () => {
  const clock = createManualClock(Date.now());
  let azure: AzureStandIn;
  let renewer: ApplicationLogin;
  let names = 0;
  const closing: (() => Promise<void> | undefined)[] = [];
  beforeAll(async () => {
    azure = await startAzure(clock);
    renewer = azure.createApplication('get', 'set', 'list', 'update');
  });
  afterEach(() => {
    azure.vault.fault('none');
    azure.vault.forbid(undefined);
  });
  afterAll(async () => {
    for (const close of closing) await close();
    await azure.close();
  });

  /** A provider of its own on a secret that nobody else uses, or on the one that is named. */
  async function open({ name = `token-${++names}`, login = renewer, ...options }: OpenOptions = {}) {
    const context = testContext();
    const { provider, ref } = await openProvider({ ...blockOf(azure, login, name), ...options }, context);
    closing.push(() => provider.close?.());
    const { putSecret, annotateSecret } = provider;
    if (putSecret === undefined || annotateSecret === undefined) throw new Error('the provider cannot write');
    return {
      name,
      context,
      read: () => provider.readSecret(ref),
      put: (value: string, create?: boolean) => putSecret(ref, redact(value), create === undefined ? {} : { create }),
      annotate: (change: Partial<typeof METADATA> = {}) => annotateSecret(ref, { ...METADATA, ...change }),
      versions: () => azure.vault.store.versions(name),
    };
  }
  interface OpenOptions {
    name?: string;
    login?: ApplicationLogin;
    disablePreviousVersions?: boolean;
    version?: string;
  }

  async function failure(promise: Promise<unknown>): Promise<ImsvaultError> {
    const error = await promise.then(
      () => expect.unreachable('it should have failed'),
      (reason: unknown) => reason as ImsvaultError,
    );
    expectNoSecrets(error, [TOKEN, renewer.clientSecret, ...azure.issuer.issued]);
    return error;
  }

  const requestsOf = async (work: () => Promise<unknown>) => {
    const before = azure.vault.requests.length;
    await work();
    return azure.vault.requests.slice(before).map(({ method, path }) => `${method} ${path.split('/').at(-1)}`);
  };

  describe('a value', () => {
    it('makes the secret, then adds versions, and a read gives the last', async () => {
      const secret = await open();
      const first = await secret.put(`one ${TOKEN}`);
      const second = await secret.put(`two ${TOKEN} "ünïcödé" 😀`);
      expect(secret.versions().map(({ version }) => version)).toEqual([first.id, second.id]);
      expect(secret.versions()[1]).toMatchObject({
        contentType: 'application/vnd.imsvault.token+json',
        attributes: { enabled: true },
      });
      const read = await secret.read();
      expect([read.id, reveal(read.value)]).toEqual([second.id, `two ${TOKEN} "ünïcödé" 😀`]);
    });

    it('is one request, and two where the secret must be there', async () => {
      const secret = await open();
      await secret.put('1');
      expect(await requestsOf(() => secret.put('2'))).toEqual([`PUT ${secret.name}`]);
      expect(await requestsOf(() => secret.put('3', false))).toEqual([`GET `, `PUT ${secret.name}`]);
    });

    it('is not written where the secret must be there and is not', async () => {
      const secret = await open();
      expect(await failure(secret.put(TOKEN, false))).toMatchObject({ code: 'ERR_SECRET_NOT_FOUND' });
      expect(secret.versions()).toEqual([]);
      expect(azure.vault.requests.at(-1)?.method).toBe('GET');
    });

    it('may have 25 KB and not a byte more', async () => {
      const secret = await open();
      await secret.put('x'.repeat(25 * 1024));
      const before = azure.vault.requests.length;
      const error = await failure(secret.put(`${'ü'.repeat(25 * 512)}x`));
      expect(error).toMatchObject({ code: 'ERR_SECRET_MALFORMED', message: expect.stringContaining('25600 bytes') });
      expect(azure.vault.requests).toHaveLength(before);
    });

    it('is not written under a deleted name, which says how to free it', async () => {
      const secret = await open();
      await secret.put('x');
      azure.vault.store.remove(secret.name);
      expect(await failure(secret.put(TOKEN))).toMatchObject({
        code: 'ERR_SECRET_UNAVAILABLE',
        retryable: false,
        message: expect.stringContaining('deleted'),
        hint: expect.stringMatching(/recover.*purge/),
      });
      expect(await failure(secret.put(TOKEN, false))).toMatchObject({ code: 'ERR_SECRET_NOT_FOUND' });
    });

    it('may be tried again while the secret changes its state', async () => {
      const secret = await open();
      azure.vault.fault(errorReply(409, 'Conflict', TOKEN, 'ObjectIsBeingDeleted'));
      expect(await failure(secret.put(TOKEN))).toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', retryable: true });
    });

    it.each([
      ['one version', { version: '0'.repeat(32) }, /one version/],
      [
        'a pair of secrets',
        { secretName: undefined, clientIdSecretName: 'i', clientSecretSecretName: 's' },
        /two secrets/,
      ],
    ])('is not written to %s', async (_title, change, expected) => {
      const block = { ...blockOf(azure, renewer, 'pinned'), ...change };
      const { provider, ref } = await openProvider(block);
      closing.push(() => provider.close?.());
      const entry = { generation: 1, id: 'a', ttlMs: 20_000 };
      const before = azure.vault.requests.length;
      for (const attempt of [
        () => provider.putSecret?.(ref, redact(TOKEN)),
        () => provider.annotateSecret?.(ref, METADATA),
        () => provider.election?.enter(ref, entry),
        () => provider.election?.list(ref, 1),
      ]) {
        expect(await failure(Promise.resolve(attempt()))).toMatchObject({
          code: 'ERR_SECRET_MALFORMED',
          message: expect.stringMatching(expected),
          hint: expect.stringContaining('secretName alone'),
        });
      }
      expect(azure.vault.requests).toHaveLength(before);
    });

    it('is refused to a consumer, with what is missing', async () => {
      const secret = await open();
      await secret.put(TOKEN);
      const consumer = await open({ name: secret.name, login: azure.reader });
      expect(reveal((await consumer.read()).value)).toBe(TOKEN);
      expect(await failure(consumer.put(TOKEN))).toMatchObject({
        code: 'ERR_SECRET_ACCESS_DENIED',
        hint: expect.stringContaining('Microsoft.KeyVault/vaults/secrets/setSecret/action'),
      });
      azure.vault.forbid('ForbiddenByPolicy');
      expect((await failure(consumer.put(TOKEN))).hint).toContain('"Set"');
    });

    it('is tried once under throttling, and tells how long to wait', async () => {
      const secret = await open();
      azure.vault.fault({ ...errorReply(429, 'Throttled', TOKEN), headers: { 'retry-after': '7' } });
      const tries = await requestsOf(async () =>
        expect(await failure(secret.put(TOKEN))).toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', retryAfterMs: 7000 }),
      );
      expect(tries).toEqual([`PUT ${secret.name}`]);
    });
  });

  describe('metadata', () => {
    it('goes to the current version as expiry, type and tags', async () => {
      const secret = await open();
      await secret.put('1');
      await secret.put('2');
      expect(await requestsOf(() => secret.annotate())).toEqual([`PATCH ${secret.versions()[1]?.version}`]);
      expect(secret.versions()[0]?.tags).toEqual({});
      expect(secret.versions()[1]).toMatchObject({
        contentType: 'application/vnd.imsvault.token+json',
        attributes: { exp: Math.floor(METADATA.expiresAt / 1000), enabled: true },
        tags: {
          'imsvault-generation': '7',
          'imsvault-client-id': 'client-1',
          'imsvault-expires-at': '2030-01-02T03:04:05.678Z',
        },
      });
    });

    it('is written where it changed only', async () => {
      const secret = await open();
      await secret.put('1');
      await secret.annotate();
      expect(await requestsOf(() => secret.annotate())).toEqual([]);
      expect(await requestsOf(() => secret.annotate({ generation: 8 }))).toHaveLength(1);
      // Another process reads first, and finds nothing to change.
      const other = await open({ name: secret.name });
      expect(await requestsOf(() => other.annotate({ generation: 8 }))).not.toContainEqual(
        expect.stringMatching(/^PATCH/),
      );
    });

    it("keeps others' tags, also over the next value", async () => {
      const secret = await open();
      azure.vault.store.add(secret.name, '0', { tags: { owner: 'team-a', 'imsvault-generation': '3' } });
      await secret.read();
      await secret.put('1');
      expect(secret.versions()[1]?.tags).toEqual({ owner: 'team-a' });
      await secret.annotate();
      await secret.put('2');
      await secret.annotate({ generation: 8 });
      expect(secret.versions()[2]?.tags).toMatchObject({ owner: 'team-a', 'imsvault-generation': '8' });
    });

    it('asks for its own permission', async () => {
      const secret = await open({ login: azure.createApplication('get', 'set', 'list') });
      await secret.put('1');
      expect(await failure(secret.annotate())).toMatchObject({
        code: 'ERR_SECRET_ACCESS_DENIED',
        hint: expect.stringContaining('Microsoft.KeyVault/vaults/secrets/update/action'),
      });
    });

    it('of a token that has ended is no reason to warn', async () => {
      const secret = await open();
      await secret.put('1');
      await secret.annotate({ expiresAt: clock.now() - 60_000 });
      await secret.read();
      expect(secret.context.warnings).toEqual([]);
    });
  });

  describe('previous versions', () => {
    const enabled = (secret: Awaited<ReturnType<typeof open>>) =>
      secret.versions().map(({ attributes }) => attributes.enabled);

    it('stay enabled by default', async () => {
      const secret = await open();
      for (let count = 0; count < 4; count++) {
        await secret.put(String(count));
        await secret.annotate({ generation: count });
        await clock.advance(1000);
      }
      expect(enabled(secret)).toEqual([true, true, true, true]);
    });

    it('are disabled on demand, all but the last two and those of others', async () => {
      const secret = await open({ disablePreviousVersions: true });
      azure.vault.store.add(secret.name, 'by hand', {});
      for (let count = 0; count < 4; count++) {
        await clock.advance(1000);
        await secret.put(String(count));
        await secret.annotate({ generation: count });
      }
      expect(enabled(secret)).toEqual([true, false, false, true, true]);
      expect(reveal((await secret.read()).value)).toBe('3');
    });

    it('of one second stay, since the list does not tell which is current', async () => {
      const secret = await open({ disablePreviousVersions: true });
      for (let count = 0; count < 5; count++) await secret.put(String(count));
      await secret.annotate();
      expect(enabled(secret)).toEqual([true, true, true, true, true]);
    });

    it('are disabled ten at a time', async () => {
      const secret = await open({ disablePreviousVersions: true });
      for (let count = 0; count < 14; count++) await secret.put(String(count));
      for (let count = 14; count < 16; count++) {
        await clock.advance(1000);
        await secret.put(String(count));
      }
      await secret.annotate();
      expect(enabled(secret).filter((each) => !each)).toHaveLength(10);
      await secret.annotate({ generation: 8 });
      expect(enabled(secret)).toEqual([...Array<boolean>(14).fill(false), true, true]);
    });
  });
});
