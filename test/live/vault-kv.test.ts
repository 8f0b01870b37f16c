import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, openVault } from '../providers/vault/open.js';
import { type VaultServer, vaultUnderTest } from './servers/openbao.js';
import { discard, isExternal, newToken, ownName, prepare } from './servers/vault-fixture.js';

describe('secrets, mounts and namespaces of a real server', () => {
  let server: VaultServer;
  let mount: string;
  let policy: string;

  beforeAll(async () => {
    server = await vaultUnderTest();
    ({ mount, policy } = await prepare(server));
  });
  afterAll(() => discard(server));

  const open = (auth: Record<string, unknown>) =>
    openVault({
      address: server.address,
      mount,
      auth,
      ...(server.caFile === undefined ? {} : { tls: { caFile: server.caFile } }),
    });

  it('KV 1 is found out, also by a token without the default policy', async () => {
    const [kv1, readKv1] = [ownName('kv1'), ownName('read-kv1')];
    await server.api(`sys/mounts/${kv1}`, { type: 'kv', options: { version: '1' } });
    await server.api(`sys/policies/acl/${readKv1}`, { policy: `path "${kv1}/ims/*" { capabilities = ["read"] }` });
    await server.api(`${kv1}/ims/fusion`, { client_id: 'live' });
    const token = await newToken(server, { policies: [readKv1], no_default_policy: true });
    const { provider, ref } = await open({ method: 'token', token });
    for (let time = 0; time < 3; time++) {
      expect((await provider.readSecret({ ...ref, mount: kv1 })).id).toMatch(/^[\w-]{16}$/);
    }
    expect((await failure(provider.readSecret({ ...ref, mount: kv1, path: 'ims/none' }))).code).toBe(
      'ERR_SECRET_NOT_FOUND',
    );
    // Its life cannot be looked up: such a right comes with the default policy.
    expect(await provider.login?.()).toBe('token from auth.token, whose life the server does not tell');
    await provider.close?.();
    await server.api(`sys/mounts/${kv1}`, undefined, { method: 'DELETE' });
    await server.api(`sys/policies/acl/${readKv1}`, undefined, { method: 'DELETE' });
  });

  it('a mount that is not there is not found; one that may not be read is denied', async () => {
    const admin = await open({ method: 'token', token: server.adminToken });
    const error = await failure(admin.provider.readSecret({ ...admin.ref, mount: ownName('none') }));
    expect([error.code, /nothing is mounted/.test(error.message)]).toEqual(['ERR_SECRET_NOT_FOUND', true]);
    await admin.provider.close?.();
    const reader = await open({ method: 'token', token: await newToken(server, { policies: [policy] }) });
    const denied = await failure(reader.provider.readSecret({ ...reader.ref, mount: ownName('none') }));
    expect(denied.code).toBe('ERR_SECRET_ACCESS_DENIED');
    await reader.provider.close?.();
  });

  it('a deleted version is not found, and an older one is read', async () => {
    await server.api(`${mount}/data/ims/deleted`, { data: { client_id: 'old' } });
    await server.api(`${mount}/data/ims/deleted`, { data: { client_id: 'new' } });
    await server.api(`${mount}/data/ims/deleted`, undefined, { method: 'DELETE' });
    const { provider, ref } = await open({ method: 'token', token: await newToken(server, { policies: [policy] }) });
    const error = await failure(provider.readSecret({ ...ref, path: 'ims/deleted' }));
    expect([error.code, /version 2 is deleted/.test(error.message)]).toEqual(['ERR_SECRET_NOT_FOUND', true]);
    expect((await provider.readSecret({ ...ref, path: 'ims/deleted', version: 1 })).id).toBe('1');
    await provider.close?.();
  });

  it('a namespace', async (context) => {
    const namespace = ownName('ns');
    try {
      await server.api(`sys/namespaces/${namespace}`, {});
    } catch (error) {
      if (isExternal && /: 404 /.test(String(error)))
        context.skip('the server that the environment names has no namespaces');
      throw error;
    }
    const inside = await prepare(server, namespace);
    const token = await newToken(server, { policies: [inside.policy] }, namespace);
    const { provider, ref } = await openVault({
      address: server.address,
      namespace,
      mount: inside.mount,
      auth: { method: 'token', token },
      ...(server.caFile === undefined ? {} : { tls: { caFile: server.caFile } }),
    });
    expect((await provider.readSecret(ref)).id).toBe('1');
    expect(provider.describe(ref)).toContain(`namespace ${namespace}`);
    await provider.close?.();
    const outside = await open({ method: 'token', token });
    expect((await failure(outside.provider.readSecret(outside.ref))).code).toBe('ERR_SECRET_ACCESS_DENIED');
    await outside.provider.close?.();
    await server.api(`sys/namespaces/${namespace}`, undefined, { method: 'DELETE' });
  });
});
