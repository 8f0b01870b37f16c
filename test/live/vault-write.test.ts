import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImsvaultError } from '../../src/errors.js';
import { type VaultServer, vaultUnderTest } from './servers/openbao.js';
import { discard, ownName, prepare } from './servers/vault-fixture.js';
import { codeOf, documentOf, METADATA, openWriter } from './servers/vault-writer.js';

let server: VaultServer;
let mount: string;
const kv1 = ownName('write-kv1');
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await vaultUnderTest();
  ({ mount } = await prepare(server));
  await server.api(`sys/mounts/${kv1}`, { type: 'kv', options: { version: '1' } });
});
afterAll(async () => {
  for (const close of closing) await close();
  await server.api(`sys/mounts/${kv1}`, undefined, { method: 'DELETE' });
  await discard(server);
});

async function open(path: string, config: Record<string, unknown> = {}) {
  const writer = await openWriter(server, { mount, path, ...config });
  closing.push(writer.close);
  return writer;
}

const metadataOf = async (path: string) =>
  (await server.api(`${mount}/metadata/${path}`)).data as Record<string, unknown> & { versions: object };

describe('writing to KV version 2 of a real server', () => {
  it('makes the secret, then replaces it, and others read the new version', async () => {
    const [writer, reader] = [await open('ims/made'), await open('ims/made')];
    expect(await codeOf(writer.replace(0, null, { create: false }))).toBe('ERR_SECRET_NOT_FOUND');
    let id: string | null = null;
    for (let count = 0; count < 4; count++) {
      id = (await writer.replace(count, id)).id;
      for (const each of [writer, reader]) {
        const version = await each.read();
        expect(version.id).toBe(id);
        expect(version.document).toEqual(documentOf(count));
      }
    }
    for (const expected of ['3', '9', null, 'a1b2']) {
      expect(await codeOf(writer.replace('late', expected))).toBe('ERR_SECRET_VERSION_CONFLICT');
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
      expect(version.document.id).toBe(`${round} ${winners[0]?.index}`);
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
    expect(await codeOf(writer.read())).toBe('ERR_SECRET_NOT_FOUND');
    expect(await writer.replace(3, null)).toEqual({ id: '3' });
    expect((await writer.read()).id).toBe('3');
  });

  it('refuses a mount of version 1, and one that is not there', async () => {
    const writer = await open('ims/token', { mount: kv1 });
    expect(await codeOf(writer.replace(1, null))).toBe('ERR_SECRET_MALFORMED');
    expect(await codeOf(writer.read())).toBe('ERR_SECRET_NOT_FOUND');
    expect(await codeOf((await open('none', { mount: ownName('none') })).replace(1, null))).toBe(
      'ERR_SECRET_NOT_FOUND',
    );
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
    expect(await codeOf(writer.annotate({ ...METADATA, clientId: 'x'.repeat(513) }))).toBe('ERR_SECRET_MALFORMED');
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
    const { others } = writer;
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
    expect(Array.from({ length: 8 }, (_, index) => documentOf(index))).toContainEqual((await reader.read()).document);
    await reader.put('last');
    for (const each of writers) expect((await each.read()).document.id).toBe('last');
  });
});
