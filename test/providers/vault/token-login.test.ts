import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectNoSecrets } from '../../support/leaks.js';
import { createManualClock, settle } from '../../support/manual-clock.js';
import { type FakeVault, startFakeVault } from './fake-vault.js';
import { failure, openVault } from './open.js';

const approle = { method: 'approle', roleId: 'role-id-1', secretId: 'hvs-SECRET-ID-marked' };
const MINUTE = 60_000;

let server: FakeVault;
let folder: string;

beforeEach(async () => {
  server = await startFakeVault();
  server.kv2.write('ims/fusion', { client_id: 'one' });
  folder = await mkdtemp(join(tmpdir(), 'imsvault-vault-'));
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

async function open(config: Record<string, unknown> = {}, env: Record<string, string> = {}) {
  const clock = createManualClock();
  const opened = await openVault(
    { address: server.address, kvVersion: 2, auth: approle, ...config },
    { clock, env: { HOME: folder, ...env }, baseDir: folder },
  );
  const read = (signal?: AbortSignal) => opened.provider.readSecret(opened.ref, signal === undefined ? {} : { signal });
  return { ...opened, clock, read };
}

const logins = () => server.count('auth/approle/login');
const renewals = () => server.count('auth/token/renew-self');

describe('a token that somebody else made', () => {
  const KNOWN = { ttl: 3600, renewable: true };

  it('comes from the option, the file, the variables, or ~/.vault-token, in this order', async () => {
    for (const name of ['option', 'file', 'variable', 'bao', 'helper']) server.tokens.set(`t-${name}`, KNOWN);
    await writeFile(join(folder, 'token'), 't-file\n');
    await writeFile(join(folder, '.vault-token'), 't-helper');
    const env = { VAULT_TOKEN: 't-variable', BAO_TOKEN: 't-bao' };
    const cases: [Record<string, unknown> | undefined, Record<string, string>, string][] = [
      [{ method: 'token', token: 't-option' }, env, 't-option'],
      [{ method: 'token', tokenFile: 'token' }, env, 't-file'],
      [undefined, env, 't-variable'],
      [{ method: 'token' }, { BAO_TOKEN: 't-bao' }, 't-bao'],
      [undefined, {}, 't-helper'],
    ];
    for (const [auth, variables, expected] of cases) {
      server.requests.length = 0;
      const { read } = await open({ auth }, variables);
      await read();
      expect(server.requests.map(({ token }) => token)).toEqual([expected]);
    }
  });

  it('is not configured when there is none', async () => {
    const { read } = await open({ auth: undefined });
    const error = await failure(read());
    expect(error.code).toBe('ERR_PROVIDER_NOT_CONFIGURED');
    expect(error.hint).toContain('VAULT_TOKEN');
  });

  it('is malformed where the file that is named is missing, though another login is there', async () => {
    const { read } = await open({ auth: { method: 'token', tokenFile: 'none' } }, { VAULT_TOKEN: 't' });
    expect(await failure(read())).toMatchObject({
      code: 'ERR_SECRET_MALFORMED',
      message: expect.stringContaining('is named, but there is no such file'),
    });
  });

  it('is looked up with the second read, then renewed in time, and never replaced by a login', async () => {
    server.tokens.set('t', { ...KNOWN });
    const { read, clock } = await open({ auth: { method: 'token', token: 't' } });
    await read();
    expect(server.count('auth/')).toBe(0);
    await read();
    await read();
    expect(server.count('auth/token/lookup-self')).toBe(1);
    await clock.advance(50 * MINUTE);
    await read();
    expect([renewals(), logins()]).toEqual([1, 0]);
  });

  it('is kept alive between reads that are further apart than its life', async () => {
    server.tokens.set('t', { ...KNOWN });
    const { read, clock, provider } = await open({ auth: { method: 'token', token: 't' } });
    await read();
    await clock.advance(10_000);
    await expect.poll(() => server.count('auth/token/lookup-self')).toBe(1);
    for (let renewal = 1; renewal <= 5; renewal++) {
      await clock.advance(41 * MINUTE);
      await expect.poll(renewals).toBe(renewal);
      await settle();
    }
    await provider.close?.();
    await clock.advance(24 * 60 * MINUTE);
    expect(renewals()).toBe(5);
    expect(clock.pending).toBe(0);
  });

  it('is asked for again, not faster than every 5 s, while its renewal fails', async () => {
    server.tokens.set('t', { ...KNOWN });
    const { read, clock, provider } = await open({ auth: { method: 'token', token: 't' } });
    await read();
    await read();
    server.deniedPaths.add('auth/token/renew-self');
    const before = renewals();
    await clock.advance(40 * MINUTE + 2);
    await expect.poll(() => renewals() - before).toBe(1);
    for (let tick = 0; tick < 5; tick++) {
      await settle();
      await clock.advance(1000);
    }
    await settle();
    expect(renewals() - before).toBeLessThanOrEqual(2);
    await provider.close?.();
  });

  it('is told of once, and asked for ever less often, while the server is away', async () => {
    server.tokens.set('t', { ...KNOWN });
    const { read, clock, provider, context } = await open({ auth: { method: 'token', token: 't' } });
    await read();
    await read();
    let asked = 0;
    server.override = ({ path }) => {
      if (path.startsWith('auth/')) asked++;
      return path.startsWith('auth/') ? { status: 500 } : undefined;
    };
    await clock.advance(40 * MINUTE + 2);
    for (let seconds = 0; seconds < 19 * 60; seconds += 5) {
      await expect.poll(() => clock.pending).toBe(1);
      await clock.advance(5000);
    }
    expect(asked).toBeGreaterThan(20);
    expect(asked).toBeLessThan(40);
    const warnings = (context as unknown as { warnings: string[] }).warnings;
    expect(warnings).toEqual([expect.stringMatching(/^Vault login not renewed, 19 min left: /)]);
    server.override = undefined;
    await clock.advance(30_000);
    await expect.poll(renewals).toBeGreaterThan(asked);
    await provider.close?.();
  });

  it('serves without a look-up where its policy denies that', async () => {
    server.tokens.set('t', { ...KNOWN });
    server.deniedPaths.add('auth/token/lookup-self');
    const { read, provider } = await open({ auth: { method: 'token', token: 't' } });
    for (let time = 0; time < 3; time++) await read();
    expect(server.count('auth/token/lookup-self')).toBe(1);
    expect(await provider.login?.()).toBe('token from auth.token, whose life the server does not tell');
  });

  it('is read again from its file when it is refused, and tried again only if it is another', async () => {
    server.tokens.set('t1', KNOWN);
    writeFileSync(join(folder, 'token'), 't1');
    const { read } = await open({ auth: { method: 'token', tokenFile: 'token' } });
    await read();
    server.tokens.clear();
    server.requests.length = 0;
    expect((await failure(read())).code).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(server.count('secret/')).toBe(1);
    server.tokens.set('t2', KNOWN);
    writeFileSync(join(folder, 'token'), 't2');
    expect((await read()).id).toBe('1');
  });

  it('stays denied, not "not configured", when its file is gone too', async () => {
    server.tokens.set('t1', KNOWN);
    writeFileSync(join(folder, 'token'), 't1');
    const { read } = await open({ auth: { method: 'token', tokenFile: 'token' } });
    await read();
    server.tokens.clear();
    await rm(join(folder, 'token'));
    expect((await failure(read())).code).toBe('ERR_SECRET_ACCESS_DENIED');
  });

  it('is refused where it could not be a header', async () => {
    const { read } = await open({ auth: { method: 'token', token: 'two lines\nMARKED' } });
    const error = await failure(read());
    expect(error.code).toBe('ERR_SECRET_MALFORMED');
    expectNoSecrets(error, ['MARKED']);
  });
});
