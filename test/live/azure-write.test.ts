import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AzureRef } from '../../providers/azure-key-vault/options.js';
import { redact, reveal } from '../../src/redacted.js';
import type { ElectionEntry, ElectionStore, SecretProvider } from '../../src/secret/provider.js';
import { blockOf, openProvider } from '../support/azure/harness.js';
import { type NamedVault, namedVault } from '../support/azure/live-harness.js';
import { type AzureStandIn, startAzure } from '../support/azure/stand-in.js';
import { expectNoSecrets } from '../support/leaks.js';
import { testContext } from '../support/provider-context.js';

const vaultUrl = process.env.IMSVAULT_TEST_AZURE_VAULT_URL;
const TOKEN = 'marked-access-token';
const METADATA = { expiresAt: Date.UTC(2030, 0, 2), generation: 1, clientId: 'client-1' };

type Store = Required<Pick<SecretProvider<AzureRef>, 'putSecret' | 'annotateSecret' | 'readOtherVersions'>> &
  SecretProvider<AzureRef> & { election: ElectionStore<AzureRef> };

/** The real SDKs over HTTPS, each process with a login and connections of its own. */
describe(`writing to ${vaultUrl ?? 'the stand-in for Key Vault'}`, () => {
  let azure: AzureStandIn | undefined;
  let named: NamedVault | undefined;
  let blockFor: (secretName: string) => Record<string, unknown>;
  const made: string[] = [];
  const closing: (() => Promise<void> | undefined)[] = [];

  beforeAll(async () => {
    if (vaultUrl !== undefined) {
      const vault = namedVault(vaultUrl, process.env);
      named = vault;
      blockFor = vault.block;
      return;
    }
    const standIn = await startAzure();
    azure = standIn;
    standIn.vault.pageSize = 5;
    const renewer = standIn.createApplication('get', 'set', 'list', 'update');
    blockFor = (secretName) => blockOf(standIn, renewer, secretName);
  });
  afterAll(async () => {
    for (const close of closing) await close();
    await named?.remove(...made);
    await named?.close();
    await azure?.close();
  });

  async function open(block: Record<string, unknown>): Promise<{ store: Store; ref: AzureRef }> {
    const { provider, ref } = await openProvider(block, named?.context ?? testContext());
    closing.push(() => provider.close?.());
    return { store: provider as Store, ref };
  }

  /** @param makes what the test makes of it: the token's secret, or that of its claims */
  function newName(makes: '' | '-claim' = ''): string {
    const name = `imsvault-test-${randomUUID()}`;
    made.push(name + makes);
    return name;
  }

  const claim = (): ElectionEntry => ({ generation: 7, id: randomUUID(), ttlMs: 20_000 });

  it('puts a token, annotates it, and another process reads it', async () => {
    const block = blockFor(newName());
    const writer = await open(block);
    const reader = await open(block);
    for (let generation = 1; generation <= 3; generation++) {
      const { id } = await writer.store.putSecret(writer.ref, redact(`${TOKEN} ${generation}`));
      await writer.store.annotateSecret(writer.ref, { ...METADATA, generation });
      const read = await reader.store.readSecret(reader.ref);
      expect([read.id, reveal(read.value)]).toEqual([id, `${TOKEN} ${generation}`]);
      expectNoSecrets([writer.store, read], [TOKEN]);
    }
  });

  it('keeps the token before, for those who ask', async () => {
    const { store, ref } = await open(blockFor(newName()));
    await store.putSecret(ref, redact('first'));
    await setTimeout(1100);
    await store.putSecret(ref, redact('second'));
    expect((await store.readOtherVersions(ref)).map(({ value }) => reveal(value))).toEqual(['first']);
  });

  it('makes nothing where that is forbidden', async () => {
    const { store, ref } = await open(blockFor(`imsvault-test-${randomUUID()}`));
    for (const attempt of [
      () => store.putSecret(ref, redact(TOKEN), { create: false }),
      () => store.election.enter(ref, claim(), { create: false }),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'ERR_SECRET_NOT_FOUND' });
    }
    expect((await store.election.list(ref, 7)).entries).toEqual([]);
  });

  it('shows twelve contenders of one generation the same winner', { timeout: 120_000 }, async () => {
    const block = blockFor(newName('-claim'));
    const contenders = await Promise.all(Array.from({ length: 12 }, () => open(block)));
    const outcomes = await Promise.all(
      contenders.map(async ({ store, ref }) => {
        const mine = await store.election.enter(ref, claim());
        // As the fleet does it: nobody can enter before this second any more.
        for (let tries = 0; tries < 60; tries++) {
          const { entries, serverTime } = await store.election.list(ref, 7);
          if (serverTime > mine.createdAt + 1000) return { mine, entries };
          await setTimeout(100);
        }
        return expect.unreachable('the time of the vault stands still');
      }),
    );
    const winners = new Set(outcomes.map(({ entries }) => entries[0]?.versionId));
    expect(winners.size).toBe(1);
    expect(outcomes.filter(({ mine }) => winners.has(mine.versionId))).toHaveLength(1);
    for (const { mine, entries } of outcomes) expect(entries).toContainEqual(mine);
    const { store, ref } = contenders[0] ?? expect.unreachable();
    expect((await store.election.list(ref, 8)).entries).toEqual([]);
  });

  describe.skipIf(vaultUrl !== undefined)('by least privilege (not at a named vault: its roles are given)', () => {
    const standIn = () => azure ?? expect.unreachable();
    const openAs = (name: string, ...permissions: Parameters<AzureStandIn['createApplication']>) =>
      open(blockOf(standIn(), standIn().createApplication(...permissions), name));

    it('a renewer needs to get, set and list; tags need update', async () => {
      const { store, ref } = await openAs(newName(), 'get', 'set', 'list');
      await store.putSecret(ref, redact(TOKEN));
      expect(reveal((await store.readSecret(ref)).value)).toBe(TOKEN);
      const entered = await store.election.enter(ref, claim());
      expect((await store.election.list(ref, 7)).entries).toEqual([entered]);
      await expect(store.annotateSecret(ref, METADATA)).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
    });

    it('a consumer gets the token, and nothing else', async () => {
      const name = newName();
      const renewer = await openAs(name, 'get', 'set', 'list');
      await renewer.store.putSecret(renewer.ref, redact(TOKEN));
      await renewer.store.election.enter(renewer.ref, claim());
      const { store, ref } = await openAs(name, 'get');
      expect(reveal((await store.readSecret(ref)).value)).toBe(TOKEN);
      expect(await store.readOtherVersions(ref)).toEqual([]);
      for (const attempt of [
        () => store.putSecret(ref, redact('forged')),
        () => store.annotateSecret(ref, METADATA),
        () => store.election.enter(ref, claim()),
        () => store.election.list(ref, 7),
      ]) {
        await expect(attempt()).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
      }
      expect(standIn().vault.store.versions(name)).toHaveLength(1);
      expect(standIn().vault.store.versions(`${name}-claim`)).toHaveLength(1);
    });
  });
});
