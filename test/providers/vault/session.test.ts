import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reveal } from '../../../src/redacted.js';
import { createManualClock } from '../../support/manual-clock.js';
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

describe('the login of a method', () => {
  it('is made once for many reads at once, and kept', async () => {
    const { read } = await open();
    await Promise.all(Array.from({ length: 10 }, () => read()));
    await read();
    expect(logins()).toBe(1);
    expect(server.requests[0]).toMatchObject({ method: 'POST', token: undefined, vaultRequest: 'true' });
    expect(server.requests[0]?.contentType).toBe('application/json');
  });

  it('costs two requests for a cold read of KV 2, also where the version is found out', async () => {
    const { read } = await open({ kvVersion: undefined });
    await read();
    expect(server.requests.map(({ path }) => path)).toEqual(['auth/approle/login', 'secret/data/ims/fusion']);
  });

  it('is renewed by a read once two thirds of its life are over, not before', async () => {
    const { read, clock } = await open();
    await read();
    await clock.advance(40 * MINUTE - 1);
    await read();
    expect(renewals()).toBe(0);
    await clock.advance(2);
    await Promise.all([read(), read()]);
    expect(renewals()).toBe(1);
    await clock.advance(39 * MINUTE);
    await read();
    expect([renewals(), logins()]).toEqual([1, 1]);
  });

  it('goes by the monotonic clock', async () => {
    const { read, clock } = await open();
    await read();
    clock.jump(10 * 60 * MINUTE);
    await read();
    expect([renewals(), logins()]).toEqual([0, 1]);
  });

  it('is repeated when it has lapsed', async () => {
    const { read, clock } = await open();
    await read();
    await clock.advance(61 * MINUTE);
    await read();
    expect([renewals(), logins()]).toEqual([0, 2]);
  });

  it('is repeated when the renewal is refused, or gives less than half of the life', async () => {
    for (const ttl of [undefined, 1700]) {
      server.renewedTtl = ttl;
      server.requests.length = 0;
      const { read, clock } = await open();
      await read();
      await clock.advance(50 * MINUTE);
      await read();
      expect([renewals(), logins()]).toEqual([1, 2]);
    }
  });

  it('is repeated early when it cannot be renewed', async () => {
    server.grant = { ttl: 3600, renewable: false };
    const { read, clock } = await open();
    await read();
    await clock.advance(50 * MINUTE);
    await read();
    expect([renewals(), logins()]).toEqual([0, 2]);
  });

  it('serves on while its renewal fails, with a warning, until it lapses', async () => {
    const { read, clock, context } = await open();
    await read();
    await clock.advance(50 * MINUTE);
    server.override = ({ path }) => (path.startsWith('auth/') ? { status: 500 } : undefined);
    expect(reveal((await read()).value)).toContain('one');
    expect((context as unknown as { warnings: string[] }).warnings.join()).toMatch(/not renewed, 10 min left/);
    await clock.advance(11 * MINUTE);
    expect((await failure(read())).code).toBe('ERR_SECRET_UNAVAILABLE');
  });

  it('is not used past its end when it lapses while it is renewed', async () => {
    const { read, clock } = await open();
    await read();
    await clock.advance(59 * MINUTE);
    server.override = ({ path }) => (path.startsWith('auth/') ? { status: 500 } : undefined);
    server.beforeAnswer = () => clock.advance(2 * MINUTE);
    expect((await failure(read())).code).toBe('ERR_SECRET_UNAVAILABLE');
    expect(server.count('secret/')).toBe(1);
  });

  it('is used to the end of its last renewal when no new login is to be had', async () => {
    server.renewedTtl = 1700;
    const { read, clock } = await open();
    await read();
    server.secretId = 'used up';
    await clock.advance(50 * MINUTE);
    await read();
    await clock.advance(28 * MINUTE);
    server.renewedTtl = undefined;
    await read();
    await clock.advance(1 * MINUTE);
    expect((await failure(read())).code).toBe('ERR_SECRET_ACCESS_DENIED');
  });

  it('never ends with a lease of 0', async () => {
    server.grant = { ttl: 0, renewable: false };
    const { read, clock, provider } = await open();
    await read();
    await clock.advance(1000 * 60 * MINUTE);
    await read();
    expect([renewals(), logins()]).toEqual([0, 1]);
    expect(await provider.login?.()).toBe('approle at auth/approle, without an end');
  });

  it('tells how and how long', async () => {
    const { provider, clock } = await open();
    expect(await provider.login?.()).toBe('approle at auth/approle, 60 min left');
    await clock.advance(30_500);
    expect(await provider.login?.()).toBe('approle at auth/approle, 59 min left');
  });
});

describe('a denied read', () => {
  it('logs in again once for all readers when the login was revoked', async () => {
    const { read } = await open();
    await read();
    server.tokens.clear();
    const versions = await Promise.all([read(), read(), read()]);
    expect(versions.map(({ id }) => id)).toEqual(['1', '1', '1']);
    expect(logins()).toBe(2);
  });

  it('does not log in again when the login is new, and once when it is not', async () => {
    server.deniedPaths.add('secret/data/ims/fusion');
    const { read } = await open();
    expect((await failure(read())).code).toBe('ERR_SECRET_ACCESS_DENIED');
    expect([logins(), server.count('secret/')]).toEqual([1, 1]);
    expect((await failure(read())).code).toBe('ERR_SECRET_ACCESS_DENIED');
    expect([logins(), server.count('secret/')]).toEqual([2, 3]);
  });

  it('tells of both when the new login is refused too, and keeps the old one', async () => {
    const { read } = await open();
    await read();
    server.secretId = 'changed';
    server.deniedPaths.add('secret/data/ims/fusion');
    const error = await failure(read());
    expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(error.message).toMatch(/the server denies it.*login by approle at auth\/approle was refused/);
    server.deniedPaths.clear();
    expect((await read()).id).toBe('1');
  });

  it('is unavailable when the server goes away before the new login', async () => {
    const { read } = await open();
    await read();
    server.tokens.clear();
    server.override = ({ path }) => (path.startsWith('auth/') ? { status: 503 } : undefined);
    expect((await failure(read())).code).toBe('ERR_SECRET_UNAVAILABLE');
  });
});

describe('one login for many callers', () => {
  it("lets each leave by its own signal without ending the others'", async () => {
    const { read } = await open();
    let answerNow = () => {};
    const gate = new Promise<void>((resolve) => {
      answerNow = resolve;
    });
    server.beforeAnswer = () => gate;
    const reason = new Error('enough');
    const controller = new AbortController();
    const leaver = read(controller.signal);
    const stayer = read();
    setTimeout(() => controller.abort(reason), 30);
    await expect(leaver).rejects.toBe(reason);
    answerNow();
    expect((await stayer).id).toBe('1');
    expect(logins()).toBe(1);
  });

  it('starts anew after all have left', async () => {
    const { read } = await open();
    server.hang = true;
    await expect(read(AbortSignal.timeout(30))).rejects.toThrow();
    server.hang = false;
    expect((await read()).id).toBe('1');
    expect(logins()).toBe(2);
  });
});
