import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { createHttpClient } from '../../src/net/http-client.js';
import type { ProviderContext } from '../../src/secret/provider.js';
import { failure, openVault } from '../providers/vault/open.js';
import { expectNoSecrets } from '../support/leaks.js';
import { type VaultServer, vaultUnderTest } from './servers/openbao.js';
import { signJwt } from './servers/token-review.js';
import { discard, field, newToken, ownName, prepare } from './servers/vault-fixture.js';

describe('logins at a real server', () => {
  let server: VaultServer;
  let folder: string;
  let mount: string;
  let policy: string;
  const approle = ownName('approle');
  const jwt = ownName('jwt');
  const jwtKey = generateKeyPairSync('rsa', { modulusLength: 2048 });

  beforeAll(async () => {
    server = await vaultUnderTest();
    folder = await mkdtemp(join(tmpdir(), 'imsvault-live-'));
    ({ mount, policy } = await prepare(server));
    await server.api(`sys/auth/${approle}`, { type: 'approle' });
    await server.api(`sys/auth/${jwt}`, { type: 'jwt' });
    await server.api(`auth/${jwt}/config`, {
      jwt_validation_pubkeys: [jwtKey.publicKey.export({ type: 'spki', format: 'pem' })],
      bound_issuer: 'https://ci.example.com',
    });
    await server.api(`auth/${jwt}/role/ims`, {
      role_type: 'jwt',
      user_claim: 'sub',
      bound_audiences: ['imsvault'],
      token_policies: [policy],
    });
  });
  afterAll(async () => {
    await discard(server, [approle, jwt]);
    await rm(folder, { recursive: true });
  });

  function open(auth: Record<string, unknown> | undefined, overrides: Partial<ProviderContext> = {}) {
    const tls = server.caFile === undefined ? {} : { tls: { caFile: server.caFile } };
    return openVault(
      { address: server.address, mount, ...(auth === undefined ? {} : { auth }), ...tls },
      { baseDir: folder, ...overrides },
    );
  }

  /** A role of its own, with its role id. */
  async function role(settings: object): Promise<{ id: string; secretId: (wrapTtl?: string) => Promise<string> }> {
    const path = `auth/${approle}/role/${randomBytes(4).toString('hex')}`;
    await server.api(path, { token_policies: [policy], ...settings });
    return {
      id: field(await server.api(`${path}/role-id`), 'data', 'role_id'),
      async secretId(wrapTtl) {
        const answer = await server.api(
          `${path}/secret-id`,
          {},
          wrapTtl === undefined ? {} : { headers: { 'x-vault-wrap-ttl': wrapTtl } },
        );
        return wrapTtl === undefined ? field(answer, 'data', 'secret_id') : field(answer, 'wrap_info', 'token');
      },
    };
  }

  it('token: of VAULT_TOKEN', async () => {
    const token = await newToken(server, { policies: [policy], ttl: '30m' });
    const { provider, ref } = await open(undefined, { env: { VAULT_TOKEN: token } });
    for (let time = 0; time < 3; time++) expect((await provider.readSecret(ref)).id).toBe('1');
    expect(await provider.login?.()).toMatch(/^token from VAULT_TOKEN, (29|30) min left$/);
    await provider.close?.();
  });

  it('token: a batch token', async () => {
    const token = await newToken(server, { policies: [policy], ttl: '30m', type: 'batch' });
    const { provider, ref } = await open({ method: 'token', token });
    for (let time = 0; time < 3; time++) expect((await provider.readSecret(ref)).id).toBe('1');
    await provider.close?.();
  });

  it('token: one that the server does not know is denied', async () => {
    const { provider, ref } = await open({ method: 'token', token: 's.MARKED-unknown-token' });
    const error = await failure(provider.readSecret(ref));
    expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
    expectNoSecrets(error, ['s.MARKED-unknown-token']);
    await provider.close?.();
  });

  it('approle: a wrong secret id is denied', async () => {
    const { id } = await role({});
    const { provider, ref } = await open({ method: 'approle', mount: approle, roleId: id, secretId: 'MARKED-wrong' });
    const error = await failure(provider.readSecret(ref));
    expect([error.code, error.message.includes('was refused')]).toEqual(['ERR_SECRET_ACCESS_DENIED', true]);
    expectNoSecrets(error, ['MARKED-wrong', id]);
    await provider.close?.();
  });

  it('an auth method that is not there is denied, not "not found"', async () => {
    const { provider, ref } = await open({ method: 'approle', mount: ownName('none'), roleId: 'r', secretId: 's' });
    expect((await failure(provider.readSecret(ref))).code).toBe('ERR_SECRET_ACCESS_DENIED');
    await provider.close?.();
  });

  it('approle: a wrapped secret id, once; a second use is a loud error', async () => {
    const { id, secretId } = await role({ token_ttl: '2s', token_max_ttl: '2s' });
    const wrapping = await secretId('5m');
    await writeFile(join(folder, 'wrapping'), `${wrapping}\n`);
    const auth = {
      method: 'approle',
      mount: approle,
      roleId: id,
      secretIdFile: 'wrapping',
      secretIdWrapped: true,
    };
    const { provider, ref } = await open(auth);
    expect((await provider.readSecret(ref)).id).toBe('1');
    await new Promise((resolve) => setTimeout(resolve, 2500));
    // The second login has no wrapping token left: the secret id was kept.
    expect((await provider.readSecret(ref)).id).toBe('1');
    await provider.close?.();

    const second = await open(auth);
    const error = await failure(second.provider.readSecret(second.ref));
    expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(error.message).toMatch(/already used by somebody/);
    expectNoSecrets(error, [wrapping]);
    await second.provider.close?.();
  });

  it('approle: a short login is renewed, and repeated at its max_ttl', async () => {
    const { id, secretId } = await role({ token_ttl: '3s', token_max_ttl: '6s' });
    const answers: string[] = [];
    const createRecordedClient: ProviderContext['createHttpClient'] = (options) => {
      const client = createHttpClient(systemClock, {}, options);
      return {
        ...client,
        async request(request) {
          const answer = await client.request(request);
          answers.push(`${new URL(request.url).pathname.split('/').at(-1)} ${answer.status}`);
          return answer;
        },
      };
    };
    const { provider, ref } = await open(
      { method: 'approle', mount: approle, roleId: id, secretId: await secretId() },
      { createHttpClient: createRecordedClient },
    );
    const started = performance.now();
    while (performance.now() - started < 10_000) {
      expect((await provider.readSecret(ref)).id).toBe('1');
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    await provider.close?.();
    // Never refused: it acted before the login lapsed.
    expect(new Set(answers)).toEqual(new Set(['login 200', 'renew-self 200', 'fusion 200']));
    expect(answers.filter((answer) => answer === 'login 200').length).toBeLessThanOrEqual(4);
  });

  it('approle: a revoked login is repeated once, by the read that meets it', async () => {
    const { id, secretId } = await role({ token_ttl: '10m' });
    const { provider, ref } = await open({
      method: 'approle',
      mount: approle,
      roleId: id,
      secretId: await secretId(),
    });
    await provider.readSecret(ref);
    const accessors = await server.api('auth/token/accessors', undefined, { method: 'LIST' });
    let revoked = 0;
    for (const accessor of (accessors.data as { keys: string[] }).keys) {
      const { data } = await server.api('auth/token/lookup-accessor', { accessor }).catch(() => ({ data: {} }));
      if ((data as { path?: string }).path !== `auth/${approle}/login`) continue;
      await server.api('auth/token/revoke-accessor', { accessor });
      revoked++;
    }
    expect(revoked).toBeGreaterThan(0);
    expect((await provider.readSecret(ref)).id).toBe('1');
    await provider.close?.();
  });

  it('jwt: of a file; a wrong audience is denied', async () => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: 'https://ci.example.com', sub: 'job', aud: 'imsvault', iat: now, nbf: now, exp: now + 300 };
    await writeFile(join(folder, 'jwt'), signJwt(claims, jwtKey.privateKey));
    const auth = { method: 'jwt', mount: jwt, role: 'ims', jwtFile: 'jwt' };
    const { provider, ref } = await open(auth);
    expect((await provider.readSecret(ref)).id).toBe('1');
    expect(await provider.login?.()).toMatch(new RegExp(`^jwt at auth/${jwt}, \\d+ (h|min) left$`));
    await provider.close?.();

    const other = signJwt({ ...claims, aud: 'other' }, jwtKey.privateKey);
    await writeFile(join(folder, 'jwt'), other);
    const second = await open(auth);
    const error = await failure(second.provider.readSecret(second.ref));
    expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
    expectNoSecrets(error, [other]);
    await second.provider.close?.();
  });
});
