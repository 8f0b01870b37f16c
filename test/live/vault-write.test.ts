import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImsvaultError } from '../../src/errors.js';
import { redact, reveal } from '../../src/redacted.js';
import type { WriteOptions } from '../../src/secret/provider.js';
import { failure, openVault } from '../providers/vault/open.js';
import { expectNoSecrets } from '../support/leaks.js';
import { type VaultServer, vaultUnderTest } from './servers/openbao.js';
import { discard, newToken, ownName, prepare } from './servers/vault-fixture.js';

const MARKED = 'marked-access-token';
const METADATA = { expiresAt: Date.UTC(2030, 0, 2), generation: 7, clientId: 'client-1' };
const document = (id: unknown) => JSON.stringify({ id, access_token: MARKED, nested: { list: [1, 'ü漢😀'] } });

let server: VaultServer;
let mount: string;
const kv1 = ownName('write-kv1');
const policies = { renewer: ownName('renewer'), consumer: ownName('consumer') };
const closing: (() => Promise<void> | undefined)[] = [];

beforeAll(async () => {
  server = await vaultUnderTest();
  ({ mount } = await prepare(server));
  await server.api(`sys/mounts/${kv1}`, { type: 'kv', options: { version: '1' } });
  for (const role of ['renewer', 'consumer'] as const) {
    await server.api(`sys/policies/acl/${policies[role]}`, { policy: documentedPolicy(role) });
  }
});
afterAll(async () => {
  for (const close of closing) await close();
  await server.api(`sys/mounts/${kv1}`, undefined, { method: 'DELETE' });
  for (const name of Object.values(policies)) {
    await server.api(`sys/policies/acl/${name}`, undefined, { method: 'DELETE' });
  }
  await discard(server);
});

/** The policy as docs/vault.md shows it, for the mount of this run. */
function documentedPolicy(role: string): string {
  const page = readFileSync(new URL('../../docs/vault.md', import.meta.url), 'utf8');
  const block = page.match(/```hcl\n[\s\S]*?```/g)?.find((text) => text.includes(`# ${role}\n`));
  if (block === undefined) throw new Error(`docs/vault.md shows no policy of a ${role}`);
  return block.replace(/```(hcl)?\n?/g, '').replaceAll('"secret/', `"${mount}/`);
}

/** A provider with connections and a login of its own, as another process has. */
async function open(path: string, config: Record<string, unknown> = {}, token = server.adminToken) {
  const { provider, ref } = await openVault({
    address: server.address,
    mount,
    path,
    auth: { method: 'token', token },
    ...(server.caFile === undefined ? {} : { tls: { caFile: server.caFile } }),
    ...config,
  });
  closing.push(() => provider.close?.());
  const { replaceSecret, putSecret, annotateSecret, readOtherVersions } = provider;
  return {
    read: () => provider.readSecret(ref),
    replace: (id: unknown, expected: string | null, options?: WriteOptions) =>
      replaceSecret?.(ref, redact(document(id)), expected, options) ?? expect.unreachable('no replaceSecret'),
    put: (id: unknown) => putSecret?.(ref, redact(document(id))) ?? expect.unreachable('no putSecret'),
    annotate: (metadata = METADATA) => annotateSecret?.(ref, metadata) ?? expect.unreachable('no annotateSecret'),
    others: () => readOtherVersions?.(ref) ?? expect.unreachable('no readOtherVersions'),
  };
}

async function code(promise: Promise<unknown>): Promise<string> {
  const error = await failure(promise);
  expectNoSecrets(error, [MARKED, ...(server.adminToken === 'root' ? [] : [server.adminToken])]);
  return error.code;
}

const metadataOf = async (path: string) =>
  (await server.api(`${mount}/metadata/${path}`)).data as Record<string, unknown> & { versions: object };

describe('writing to KV version 2 of a real server', () => {
  it('makes the secret, then replaces it, and others read the new version', async () => {
    const [writer, reader] = [await open('ims/made'), await open('ims/made')];
    expect(await code(writer.replace(0, null, { create: false }))).toBe('ERR_SECRET_NOT_FOUND');
    let id: string | null = null;
    for (let count = 0; count < 4; count++) {
      id = (await writer.replace(count, id)).id;
      for (const each of [writer, reader]) {
        const version = await each.read();
        expect(version.id).toBe(id);
        expect(JSON.parse(reveal(version.value))).toEqual(JSON.parse(document(count)));
      }
    }
    for (const expected of ['3', '9', null, 'a1b2']) {
      expect(await code(writer.replace('late', expected))).toBe('ERR_SECRET_VERSION_CONFLICT');
    }
    expect((await reader.read()).id).toBe(id);
  });

  it('has one winner of 12 at once, in each of 20 rounds', async () => {
    const writers = await Promise.all(Array.from({ length: 12 }, () => open('ims/raced')));
    let id: string | null = null;
    for (let round = 0; round < 20; round++) {
      const expected = id;
      const outcomes = await Promise.all(
        writers.map((writer, index) =>
          writer.replace(`${round} ${index}`, expected).then(
            (written) => ({ ...written, index }),
            (error: ImsvaultError) => error.code,
          ),
        ),
      );
      const winners = outcomes.filter((outcome) => typeof outcome === 'object');
      expect(winners).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'ERR_SECRET_VERSION_CONFLICT')).toHaveLength(11);
      const version = await (writers[round % 12] ?? expect.unreachable()).read();
      expect(version.id).toBe(winners[0]?.id);
      expect(JSON.parse(reveal(version.value)).id).toBe(`${round} ${winners[0]?.index}`);
      id = version.id;
    }
    expect(id).toBe('20');
  });

  it.each([
    ['deleted', (path: string) => server.api(`${mount}/data/${path}`, undefined, { method: 'DELETE' })],
    ['destroyed', (path: string) => server.api(`${mount}/destroy/${path}`, { versions: [2] })],
  ])('goes on from a version that was %s', async (name, remove) => {
    const path = `ims/${name}`;
    const writer = await open(path);
    await writer.replace(1, null);
    await writer.replace(2, '1');
    await remove(path);
    expect(await code(writer.read())).toBe('ERR_SECRET_NOT_FOUND');
    expect(await writer.replace(3, null)).toEqual({ id: '3' });
    expect((await writer.read()).id).toBe('3');
  });

  it('refuses what is no JSON object, and a mount of version 1', async () => {
    const writer = await open('ims/token', { mount: kv1 });
    expect(await code(writer.replace(1, null))).toBe('ERR_SECRET_MALFORMED');
    expect(await code(writer.read())).toBe('ERR_SECRET_NOT_FOUND');
    expect(await code((await open('none', { mount: ownName('none') })).replace(1, null))).toBe('ERR_SECRET_NOT_FOUND');
  });
});

describe('metadata on a real server', () => {
  it('are custom_metadata, beside that of others, written when they change', async () => {
    const writer = await open('ims/annotated', { deleteVersionAfter: '90m' });
    await writer.replace(1, null);
    await server.api(`${mount}/metadata/ims/annotated`, { custom_metadata: { owner: 'team' } });
    await writer.annotate();
    const metadata = await metadataOf('ims/annotated');
    expect(metadata).toMatchObject({
      custom_metadata: {
        owner: 'team',
        'imsvault:expires-at': '2030-01-02T00:00:00.000Z',
        'imsvault:generation': '7',
        'imsvault:client-id': 'client-1',
      },
      max_versions: 10,
      delete_version_after: '1h30m0s',
      current_version: 1,
    });
    await writer.annotate();
    await (await open('ims/annotated', { deleteVersionAfter: '90m' })).annotate();
    expect(await metadataOf('ims/annotated')).toEqual(metadata);
    await writer.annotate({ ...METADATA, generation: 8 });
    expect(await metadataOf('ims/annotated')).toMatchObject({
      custom_metadata: { owner: 'team', 'imsvault:generation': '8' },
    });
    expect(await code(writer.annotate({ ...METADATA, clientId: 'x'.repeat(513) }))).toBe('ERR_SECRET_MALFORMED');
  });

  it.each([
    [{}, 10],
    [{ maxVersions: 4 }, 4],
    [{ maxVersions: 25 }, 25],
  ])('50 writes stay within max_versions: %j', async (config, kept) => {
    const path = `ims/kept-${kept}`;
    const writer = await open(path, config);
    let id: string | null = null;
    for (let count = 0; count < 50; count++) {
      id = (await writer.replace(count, id)).id;
      if (count === 0) await writer.annotate();
    }
    const { versions } = await metadataOf(path);
    expect(Object.keys(versions).map(Number)).toEqual(Array.from({ length: kept }, (_, index) => 51 - kept + index));
  });
});

describe('the version before the current one, on a real server', () => {
  it('is read where it is neither deleted, destroyed nor pruned', async () => {
    const writer = await open('ims/previous');
    const others = async () =>
      (await writer.others()).map(({ id, value }) => [id, JSON.parse(reveal(value)).id as unknown]);
    expect(await others()).toEqual([]);
    await writer.replace('one', null);
    expect(await others()).toEqual([]);
    await writer.replace('two', '1');
    expect(await others()).toEqual([['1', 'one']]);
    await server.api(`${mount}/delete/ims/previous`, { versions: [1] });
    expect(await others()).toEqual([]);
    await writer.replace('three', '2');
    expect(await others()).toEqual([['2', 'two']]);
    await server.api(`${mount}/destroy/ims/previous`, { versions: [2] });
    expect(await others()).toEqual([]);
    await server.api(`${mount}/metadata/ims/previous`, { max_versions: 1 });
    await writer.replace('four', '3');
    expect(await others()).toEqual([]);
  });

  it('does not exist in KV version 1', async () => {
    await server.api(`${kv1}/ims/previous`, { a: 1 });
    await server.api(`${kv1}/ims/previous`, { a: 2 });
    for (const config of [{}, { kvVersion: 1 }]) {
      expect(await (await open('ims/previous', { mount: kv1, ...config })).others()).toEqual([]);
    }
  });
});

describe('publishing to KV version 1 of a real server', () => {
  it('the last writer wins, and nobody is refused', async () => {
    const config = { mount: kv1, kvVersion: 1 };
    const writers = await Promise.all(Array.from({ length: 8 }, () => open('ims/published', config)));
    await Promise.all(writers.map((writer, index) => writer.put(index)));
    const reader = await open('ims/published', config);
    const documents = Array.from({ length: 8 }, (_, index) => JSON.parse(document(index)));
    expect(documents).toContainEqual(JSON.parse(reveal((await reader.read()).value)));
    await reader.put('last');
    for (const each of writers) expect(JSON.parse(reveal((await each.read()).value)).id).toBe('last');
  });
});

describe('the policies of docs/vault.md, on a real server', () => {
  const CREDENTIAL = 'ims/fusion';
  const TOKEN = 'ims/fusion-token';
  const tokenFor = (role: keyof typeof policies) =>
    newToken(server, { policies: [policies[role]], no_default_policy: true });

  it('a renewer reads the credential, and makes, replaces and annotates the token document', async () => {
    const token = await tokenFor('renewer');
    const credential = await open(CREDENTIAL, {}, token);
    expect((await credential.read()).id).toBe('1');
    expect(await code(credential.replace('mine', '1'))).toBe('ERR_SECRET_ACCESS_DENIED');
    const store = await open(TOKEN, {}, token);
    expect(await code(store.read())).toBe('ERR_SECRET_NOT_FOUND');
    const { id } = await store.replace(1, null);
    expect(await code(store.replace(2, null))).toBe('ERR_SECRET_VERSION_CONFLICT');
    await store.replace(2, id);
    await store.annotate();
    expect(await metadataOf(TOKEN)).toMatchObject({ custom_metadata: { 'imsvault:generation': '7' } });
    for (const path of [`data/${TOKEN}`, `metadata/${TOKEN}`]) {
      await expect(server.api(`${mount}/${path}`, undefined, { method: 'DELETE', token })).rejects.toThrow(/: 403 /);
    }
  });

  it('a consumer reads the token document, and does nothing else', async () => {
    await server.api(`${mount}/data/${TOKEN}`, { data: JSON.parse(document('shared')) });
    const token = await tokenFor('consumer');
    const store = await open(TOKEN, {}, token);
    const { id, value } = await store.read();
    expect(JSON.parse(reveal(value)).id).toBe('shared');
    expect(await code(store.replace(9, id))).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(await code(store.annotate())).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(await code((await open(CREDENTIAL, {}, token)).read())).toBe('ERR_SECRET_ACCESS_DENIED');
    expect((await store.read()).id).toBe(id);
  });

  it('without a right to the metadata, writes go on', async () => {
    const policy = documentedPolicy('renewer').replace(/^.*metadata.*$/m, '');
    expect(policy).not.toContain('metadata');
    await server.api(`sys/policies/acl/${policies.renewer}`, { policy });
    const store = await open(TOKEN, {}, await tokenFor('renewer'));
    const { id } = await store.read();
    await store.replace('next', id);
    const error = await failure(store.annotate());
    expect(error.hint).toContain(`path "${mount}/metadata/${TOKEN}" { capabilities = ["read", "update"] }`);
    expect((await store.read()).id).toBe(String(Number(id) + 1));
  });
});
