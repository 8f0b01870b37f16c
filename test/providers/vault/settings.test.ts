import { afterEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import vault from '../../../providers/vault/index.js';
import { vaultOptions } from '../../../providers/vault/options.js';
import { createVaultProvider } from '../../../providers/vault/provider.js';
import { resolveSettings } from '../../../providers/vault/settings.js';
import { ConfigInvalidError, ImsvaultError } from '../../../src/errors.js';
import { testContext } from '../../support/provider-context.js';
import { startFakeVault } from './fake-vault.js';
import { failure, openVault } from './open.js';

const address = 'https://vault.example.com:8200';
const settings = (options: Record<string, unknown>, env: Record<string, string> = {}) =>
  resolveSettings(vaultOptions.parse({ path: 'p', ...options }), env);

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return expect.unreachable('it should have failed');
}

const issues = (options: Record<string, unknown>) =>
  vaultOptions.safeParse(options).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

describe('options', () => {
  it('fills in the defaults', () => {
    expect(vaultOptions.parse({ path: 'ims/fusion' })).toEqual({
      path: 'ims/fusion',
      mount: 'secret',
      allowSecretsOverPlainHttp: false,
    });
    expect(vaultOptions.parse({ path: 'p', auth: { method: 'kubernetes', role: 'r' } }).auth).toEqual({
      method: 'kubernetes',
      mount: 'kubernetes',
      role: 'r',
      jwtFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
    });
  });

  it.each([
    [{}, /^path: /],
    [{ path: '' }, /^path: /],
    [{ path: '/ims' }, /^path: .*without "\/" at its ends/],
    [{ path: 'ims/' }, /^path: /],
    [{ path: 'ims//x' }, /^path: /],
    [{ path: '../sys/seal' }, /^path: /],
    [{ path: 'a/./b' }, /^path: /],
    [{ path: 'a/..' }, /^path: /],
    [{ path: 'a\nb' }, /^path: /],
    [{ path: 'p', mount: '..' }, /^mount: /],
    [{ path: 'p', kvVersion: 3 }, /^kvVersion: /],
    [{ path: 'p', version: 0 }, /^version: /],
    [{ path: 'p', kvVersion: 1, version: 1 }, /^version: KV version 1/],
    [{ path: 'p', addres: address }, /addres/],
    [{ path: 'p', address: 'vault' }, /^address: must be a URL/],
    [{ path: 'p', address: 'ftp://vault' }, /^address: must start with https/],
    [{ path: 'p', address: 'https://u:p@vault' }, /^address: must hold no user/],
    [{ path: 'p', address: 'https://vault?x=1' }, /^address: must have no query/],
    [{ path: 'p', address: 'http://vault:8200' }, /^address: plain http.*allowSecretsOverPlainHttp/],
    [{ path: 'p', auth: { method: 'aws' } }, /^auth/],
    [{ path: 'p', auth: { method: 'token', token: 'a', tokenFile: 'b' } }, /^auth.tokenFile: give token or/],
    [{ path: 'p', auth: { method: 'approle' } }, /^auth.roleId: roleId or roleIdFile/],
    [{ path: 'p', auth: { method: 'approle', roleId: 'r', secretIdWrapped: true } }, /^auth.secretIdWrapped/],
    [{ path: 'p', auth: { method: 'approle', roleId: 'r', secretId: 'a', secretIdFile: 'b' } }, /^auth.secretIdFile/],
    [{ path: 'p', auth: { method: 'approle', roleId: 'r', mount: 'auth/../x' } }, /^auth.mount/],
    [{ path: 'p', auth: { method: 'kubernetes' } }, /^auth.role: /],
    [{ path: 'p', auth: { method: 'jwt', role: 'r' } }, /^auth.jwtFile: jwt or jwtFile/],
    [{ path: 'p', tls: { certFile: 'c' } }, /^tls: certFile and keyFile/],
  ])('refuses %j', (options, problem) => {
    expect(issues(options).join('\n')).toMatch(problem);
  });

  it.each(['http://127.0.0.1:8200', 'http://localhost:8200', 'http://[::1]:8200', 'https://v/prefix'])(
    'takes %s',
    (value) => {
      expect(issues({ path: 'p', address: value })).toEqual([]);
    },
  );

  it('takes plain http to other hosts only when the risk is taken', () => {
    const options = { path: 'p', address: 'http://vault:8200', allowSecretsOverPlainHttp: true };
    expect(issues(options)).toEqual([]);
    expect(settings(options).host).toBe('vault:8200');
  });

  it('describes every option', () => {
    const undescribed: string[] = [];
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [name, child] of Object.entries((node as { properties?: object }).properties ?? {})) {
        const described = typeof child.description === 'string' && /\.$/.test(child.description);
        if (!described) undescribed.push(`${path}${name}`);
        walk(child, `${path}${name}.`);
      }
      for (const branch of (node as { oneOf?: unknown[] }).oneOf ?? []) walk(branch, path);
    };
    walk(z.toJSONSchema(vaultOptions, { io: 'input', unrepresentable: 'any' }), '');
    expect(undescribed).toEqual([]);
  });
});

describe('settings', () => {
  it('is not configured without an address', () => {
    const error = thrown(() => settings({}, { VAULT_TOKEN: 't' }));
    expect(error).toBeInstanceOf(ImsvaultError);
    expect((error as ImsvaultError).code).toBe('ERR_PROVIDER_NOT_CONFIGURED');
  });

  it('takes the variables of either server where an option is absent', () => {
    expect(settings({}, { BAO_ADDR: `${address}/`, BAO_NAMESPACE: 'n', BAO_CACERT: '/ca' })).toMatchObject({
      address,
      host: 'vault.example.com:8200',
      namespace: 'n',
      auth: { method: 'token' },
      tls: { ca: { path: '/ca', option: 'BAO_CACERT' } },
    });
    const env = {
      VAULT_ADDR: 'https://vault',
      BAO_ADDR: 'https://bao',
      VAULT_NAMESPACE: 'n',
      VAULT_CLIENT_CERT: '/c',
      VAULT_CLIENT_KEY: '/k',
      VAULT_TLS_SERVER_NAME: 's',
    };
    expect(settings({}, env)).toMatchObject({
      address: 'https://vault',
      host: 'vault:443',
      tls: { cert: { path: '/c' }, key: { path: '/k' }, serverName: 's' },
    });
    const tls = { certFile: 'own-c', keyFile: 'own-k', serverName: 'own' };
    expect(settings({ address, namespace: 'own', tls }, env)).toMatchObject({
      address,
      namespace: 'own',
      tls: { cert: { path: 'own-c' }, key: { path: 'own-k', option: 'tls.keyFile' }, serverName: 'own' },
    });
  });

  it('prefers a file of authorities to a folder, but an option to a variable', () => {
    expect(settings({ address }, { VAULT_CACERT: '/ca', VAULT_CAPATH: '/d' }).tls).toEqual({
      ca: { path: '/ca', option: 'VAULT_CACERT' },
    });
    expect(settings({ address, tls: { caPath: 'd' } }, { VAULT_CACERT: '/ca' }).tls).toEqual({
      caFolder: { path: 'd', option: 'tls.caPath' },
    });
  });

  it.each([
    [{ address }, { VAULT_SKIP_VERIFY: 'true' }, /^tls: refused.*caFile.*\(VAULT_SKIP_VERIFY\)/],
    [{ address }, { BAO_SKIP_VERIFY: '1' }, /\(BAO_SKIP_VERIFY\)/],
    [{}, { VAULT_ADDR: 'http://vault' }, /^address: plain http.*\(VAULT_ADDR\)/],
    [{ address, auth: { method: 'cert' } }, {}, /^tls.certFile: auth method cert needs/],
    [
      { address: 'http://127.0.0.1', auth: { method: 'cert' } },
      { VAULT_CLIENT_CERT: 'c', VAULT_CLIENT_KEY: 'k' },
      /https/,
    ],
    [{ address }, { VAULT_CLIENT_CERT: 'c' }, /belong together \(VAULT_CLIENT_CERT\)/],
    [{ address }, { VAULT_NAMESPACE: 'a b' }, /^namespace: .*\(VAULT_NAMESPACE\)/],
  ])('refuses %j with %j', (options, env, message) => {
    const error = thrown(() => settings(options, env as unknown as Record<string, string>));
    expect(error).toBeInstanceOf(ConfigInvalidError);
    expect((error as Error).message).toMatch(message);
  });

  it('tells every problem at once', () => {
    const env = { VAULT_SKIP_VERIFY: 'yes', VAULT_CLIENT_KEY: 'k', VAULT_NAMESPACE: 'a b' };
    expect((thrown(() => settings({ address }, env)) as ConfigInvalidError).problems).toHaveLength(3);
  });

  it('has nothing against VAULT_SKIP_VERIFY where there is no TLS', () => {
    expect(settings({ address: 'http://127.0.0.1:8200' }, { VAULT_SKIP_VERIFY: '1' }).host).toBe('127.0.0.1:8200');
  });

  it.each(['0', 'f', 'false', 'FALSE', ''])('takes VAULT_SKIP_VERIFY=%s for no', (value) => {
    expect(settings({ address }, { VAULT_SKIP_VERIFY: value }).address).toBe(address);
  });
});

describe('the module', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('says how to install node-vault', async () => {
    const missing = Object.assign(new Error("Cannot find package 'node-vault' imported from here"), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
    const connection = vaultOptions.parse({ path: 'p', address });
    const error = await failure(createVaultProvider(connection, testContext(), () => Promise.reject(missing)));
    expect(error.code).toBe('ERR_PROVIDER_NOT_INSTALLED');
    expect(`${error.message} ${error.hint}`).toContain('npm install node-vault');
  });

  it('tells a broken installation from a missing one', async () => {
    const broken = Object.assign(new Error("Cannot find package 'axios' imported from node-vault"), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
    const connection = vaultOptions.parse({ path: 'p', address });
    await expect(createVaultProvider(connection, testContext(), () => Promise.reject(broken))).rejects.toBe(broken);
  });

  it('names the options that say which secret', () => {
    expect([vault.name, vault.refOptions]).toEqual([
      'vault',
      ['mount', 'path', 'version', 'maxVersions', 'deleteVersionAfter'],
    ]);
  });

  it("takes nothing from the process's own environment", async () => {
    const server = await startFakeVault();
    try {
      server.kv2.write('ims/fusion', { client_id: 'one' });
      vi.stubEnv('VAULT_TOKEN', 'process-token');
      vi.stubEnv('VAULT_NAMESPACE', 'process-namespace');
      vi.stubEnv('VAULT_PREFIX', '/process-prefix');
      vi.stubEnv('VAULT_ADDR', 'http://127.0.0.1:1');
      const auth = { method: 'approle', roleId: 'role-id-1', secretId: 'hvs-SECRET-ID-marked' };
      const { provider, ref } = await openVault({ address: server.address, auth });
      await provider.readSecret(ref);
      expect(server.requests.map(({ path }) => path)).toEqual(['auth/approle/login', 'secret/data/ims/fusion']);
      expect(server.requests.map(({ namespace }) => namespace)).toEqual([undefined, undefined]);
      expect(server.requests[0]?.token).toBeUndefined();
      await provider.close?.();
    } finally {
      await server.close();
    }
  });
});
