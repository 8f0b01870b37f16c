import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksIn, readPage } from '../docs/blocks.js';
import { failure } from '../providers/vault/open.js';
import { type VaultServer, vaultUnderTest } from './servers/openbao.js';
import { discard, newToken, ownName, prepare } from './servers/vault-fixture.js';
import { codeOf, documentOf, openWriter } from './servers/vault-writer.js';

const PAGE = 'docs/vault.md';
const CREDENTIAL = 'ims/fusion';
const TOKEN = 'ims/fusion-token';
const policies = { renewer: ownName('renewer'), consumer: ownName('consumer') };

let server: VaultServer;
let mount: string;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await vaultUnderTest();
  ({ mount } = await prepare(server));
  for (const role of ['renewer', 'consumer'] as const) {
    await server.api(`sys/policies/acl/${policies[role]}`, { policy: documentedPolicy(role) });
  }
});
afterAll(async () => {
  for (const close of closing) await close();
  for (const name of Object.values(policies)) {
    await server.api(`sys/policies/acl/${name}`, undefined, { method: 'DELETE' });
  }
  await discard(server);
});

/** The policy as docs/vault.md shows it, for the mount of this run. */
function documentedPolicy(role: string): string {
  const block = blocksIn(PAGE, readPage(PAGE)).find(({ text }) => text.startsWith(`# ${role}\n`));
  if (block === undefined) throw new Error(`${PAGE} shows no policy of a ${role}`);
  return block.text.replaceAll('"secret/', `"${mount}/`);
}

const tokenFor = (role: keyof typeof policies) =>
  newToken(server, { policies: [policies[role]], no_default_policy: true });

async function open(path: string, token: string) {
  const writer = await openWriter(server, { mount, path }, token);
  closing.push(writer.close);
  return writer;
}

describe('the policies of docs/vault.md, on a real server', () => {
  it('a renewer reads the credential, and makes, replaces and annotates the token document', async () => {
    const token = await tokenFor('renewer');
    const credential = await open(CREDENTIAL, token);
    expect((await credential.read()).id).toBe('1');
    expect(await codeOf(credential.replace('mine', '1'))).toBe('ERR_SECRET_ACCESS_DENIED');
    const store = await open(TOKEN, token);
    expect(await codeOf(store.read())).toBe('ERR_SECRET_NOT_FOUND');
    const { id } = await store.replace(1, null);
    expect(await codeOf(store.replace(2, null))).toBe('ERR_SECRET_VERSION_CONFLICT');
    await store.replace(2, id);
    await store.annotate();
    const { data } = await server.api(`${mount}/metadata/${TOKEN}`);
    expect(data).toMatchObject({ custom_metadata: { 'imsvault:generation': '7' } });
    for (const path of [`data/${TOKEN}`, `metadata/${TOKEN}`]) {
      await expect(server.api(`${mount}/${path}`, undefined, { method: 'DELETE', token })).rejects.toThrow(/: 403 /);
    }
  });

  it('a consumer reads the token document, and does nothing else', async () => {
    await server.api(`${mount}/data/${TOKEN}`, { data: documentOf('shared') });
    const token = await tokenFor('consumer');
    const store = await open(TOKEN, token);
    const { id, document } = await store.read();
    expect(document.id).toBe('shared');
    expect(await codeOf(store.replace(9, id))).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(await codeOf(store.annotate())).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(await codeOf((await open(CREDENTIAL, token)).read())).toBe('ERR_SECRET_ACCESS_DENIED');
    expect((await store.read()).id).toBe(id);
  });

  it('without a right to the metadata, writes go on', async () => {
    const policy = documentedPolicy('renewer').replace(/^.*metadata.*$/m, '');
    expect(policy).not.toContain('metadata');
    await server.api(`sys/policies/acl/${policies.renewer}`, { policy });
    const store = await open(TOKEN, await tokenFor('renewer'));
    const { id } = await store.read();
    await store.replace('next', id);
    const error = await failure(store.annotate());
    expect(error.hint).toContain(`path "${mount}/metadata/${TOKEN}" { capabilities = ["read", "update"] }`);
    expect((await store.read()).id).toBe(String(Number(id) + 1));
  });
});
