import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { failure, openVault } from '../providers/vault/open.js';
import { expectNoSecrets } from '../support/leaks.js';
import { startOpenBao, type VaultServer } from './servers/openbao.js';
import { startTokenReview } from './servers/token-review.js';
import { isExternal, prepare } from './servers/vault-fixture.js';

// The server must reach what listens here, present its own certificate, and may be sealed: always an OpenBao of our own.
const mine = isExternal ? describe.skip : describe;
const why = isExternal ? ' (not here: the environment names a server that this machine did not start)' : '';

mine(`logins that need a server of this machine${why}`, () => {
  let server: VaultServer;
  let folder: string;
  let mount: string;
  let policy: string;

  beforeAll(async () => {
    server = await startOpenBao({ tls: true });
    folder = await mkdtemp(join(tmpdir(), 'imsvault-live-'));
    ({ mount, policy } = await prepare(server));
  });
  afterAll(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  const open = (config: Record<string, unknown>) =>
    openVault({ address: server.address, mount, ...config }, { baseDir: folder });

  it('kubernetes: the server asks the TokenReview API', async () => {
    const kubernetes = await startTokenReview();
    await server.api('sys/auth/kubernetes', { type: 'kubernetes' });
    await server.api('auth/kubernetes/config', {
      kubernetes_host: kubernetes.url,
      token_reviewer_jwt: kubernetes.reviewerToken,
      disable_local_ca_jwt: true,
      // Required, though the stand-in speaks plain http.
      kubernetes_ca_cert: await readFile(String(server.caFile), 'utf8'),
    });
    await server.api('auth/kubernetes/role/ims', {
      bound_service_account_names: ['fusion'],
      bound_service_account_namespaces: ['apps'],
      audience: 'vault',
      token_policies: [policy],
    });
    await writeFile(join(folder, 'k8s-token'), kubernetes.issue('apps', 'fusion'));
    const config = {
      auth: { method: 'kubernetes', role: 'ims', jwtFile: 'k8s-token' },
      tls: { caFile: server.caFile },
    };
    const { provider, ref } = await open(config);
    expect((await provider.readSecret(ref)).id).toBe('1');
    expect(kubernetes.reviews()).toBe(1);
    expect(await provider.login?.()).toMatch(/^kubernetes at auth\/kubernetes, \d+ \w+ left$/);
    await provider.close?.();

    const foreign = kubernetes.issue('apps', 'other');
    await writeFile(join(folder, 'k8s-token'), foreign);
    const second = await open(config);
    const error = await failure(second.provider.readSecret(second.ref));
    expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
    expectNoSecrets(error, [foreign, kubernetes.reviewerToken]);
    await second.provider.close?.();
    await kubernetes.close();
  });

  it('cert: a TLS client certificate, replaced without a restart', async () => {
    const certificate = async (commonName: string) => {
      const made = await generate([{ name: 'commonName', value: commonName }], {
        algorithm: 'sha256',
        extensions: [
          { name: 'basicConstraints', cA: false },
          { name: 'keyUsage', digitalSignature: true },
          { name: 'extKeyUsage', clientAuth: true },
        ],
      });
      await writeFile(join(folder, 'client.pem'), made.cert);
      await writeFile(join(folder, 'client.key'), made.private);
      return made.cert;
    };
    await server.api('sys/auth/cert', { type: 'cert' });
    await server.api('auth/cert/certs/first', {
      certificate: await certificate('first'),
      token_policies: [policy],
      token_ttl: '2s',
      token_max_ttl: '2s',
    });
    const config = {
      auth: { method: 'cert' },
      tls: { caFile: server.caFile, certFile: 'client.pem', keyFile: 'client.key' },
    };
    const { provider, ref } = await open(config);
    expect((await provider.readSecret(ref)).id).toBe('1');

    await server.api('auth/cert/certs/first', undefined, { method: 'DELETE' });
    await server.api('auth/cert/certs/second', { certificate: await certificate('second'), token_policies: [policy] });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect((await provider.readSecret(ref)).id).toBe('1');
    await provider.close?.();

    await certificate('unknown');
    const unknown = await open(config);
    expect((await failure(unknown.provider.readSecret(unknown.ref))).code).toBe('ERR_SECRET_ACCESS_DENIED');
    await unknown.provider.close?.();
  });

  it('TLS: an authority that is not trusted, and one from a folder', async () => {
    const auth = { method: 'token', token: 'root' };
    const untrusted = await open({ auth });
    const error = await failure(untrusted.provider.readSecret(untrusted.ref));
    expect([error.code, error.retryable]).toEqual(['ERR_SECRET_UNAVAILABLE', false]);
    expect(error.message).toMatch(/^127\.0\.0\.1:\d+: TLS failed/);
    expect(error.hint).toContain('caFile');
    await untrusted.provider.close?.();

    const authorities = await mkdtemp(join(folder, 'ca-'));
    await copyFile(String(server.caFile), join(authorities, 'ca.pem'));
    const trusted = await open({ auth, tls: { caPath: authorities } });
    expect((await trusted.provider.readSecret(trusted.ref)).id).toBe('1');
    await trusted.provider.close?.();

    const named = await open({ auth, tls: { caFile: server.caFile, serverName: 'vault.example.com' } });
    const mismatch = await failure(named.provider.readSecret(named.ref));
    expect(mismatch.message).toContain('its TLS certificate is for another name');
    await named.provider.close?.();
  });

  it('a sealed server is unavailable, and says so', async () => {
    const { provider, ref } = await open({ auth: { method: 'token', token: 'root' }, tls: { caFile: server.caFile } });
    await provider.readSecret(ref);
    await server.api('sys/seal', {});
    await vi.waitUntil(async () => (await server.api('sys/seal-status')).sealed === true, { timeout: 20_000 });
    const error = await failure(provider.readSecret(ref));
    expect([error.code, error.retryable]).toEqual(['ERR_SECRET_UNAVAILABLE', true]);
    expect(error.message).toContain('sealed');
    await provider.close?.();
  });
});
