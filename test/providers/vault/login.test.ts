import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SERVICE_ACCOUNT_TOKEN } from '../../../providers/vault/options.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { createManualClock } from '../../support/manual-clock.js';
import { type FakeVault, startFakeVault } from './fake-vault.js';
import { failure, openVault } from './open.js';

const JWT = 'eyJ.JWT-marked.sig';
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

async function open(auth: Record<string, unknown>) {
  const clock = createManualClock();
  const opened = await openVault({ address: server.address, auth }, { clock, baseDir: folder });
  return { clock, read: (signal?: AbortSignal) => opened.provider.readSecret(opened.ref, signal ? { signal } : {}) };
}

const loginBodies = () => server.requests.filter(({ path }) => path.endsWith('/login')).map(({ body }) => body);

describe("a file that is missing: the pod's token", () => {
  // Where the tests themselves run in a pod, the default is there.
  it.runIf(!existsSync(SERVICE_ACCOUNT_TOKEN))('is not configured at its default path', async () => {
    const error = await failure((await open({ method: 'kubernetes', role: 'ims' })).read());
    expect(error.code).toBe('ERR_PROVIDER_NOT_CONFIGURED');
  });

  it('is malformed where it is named', async () => {
    const error = await failure((await open({ method: 'kubernetes', role: 'ims', jwtFile: 'none' })).read());
    expect(error).toMatchObject({ code: 'ERR_SECRET_MALFORMED', message: expect.stringContaining('auth.jwtFile') });
  });
});

describe('what each method sends', () => {
  it('approle: ids from files, read at each login', async () => {
    await writeFile(join(folder, 'role'), 'role-id-1\n');
    await writeFile(join(folder, 'secret'), 'hvs-SECRET-ID-marked\n');
    const { read, clock } = await open({ method: 'approle', roleIdFile: 'role', secretIdFile: 'secret' });
    await read();
    server.secretId = 'rotated';
    await writeFile(join(folder, 'secret'), 'rotated');
    await clock.advance(3_700_000);
    await read();
    expect(loginBodies()).toEqual([
      { role_id: 'role-id-1', secret_id: 'hvs-SECRET-ID-marked' },
      { role_id: 'role-id-1', secret_id: 'rotated' },
    ]);
  });

  it('kubernetes and jwt: the role and the token of the file', async () => {
    await writeFile(join(folder, 'jwt'), `${JWT}\n`);
    await (await open({ method: 'kubernetes', role: 'ims', jwtFile: 'jwt' })).read();
    await (await open({ method: 'jwt', mount: 'ci', role: 'ims', jwt: JWT })).read();
    expect(server.requests.map(({ path }) => path)).toContain('auth/ci/login');
    expect(loginBodies()).toEqual([
      { role: 'ims', jwt: JWT },
      { role: 'ims', jwt: JWT },
    ]);
  });
});

describe('a refused login', () => {
  it.each([
    ['approle', { method: 'approle', roleId: 'role-id-1', secretId: 'wrong-MARKED' }, /secret id/],
    ['kubernetes', { method: 'kubernetes', role: 'other', jwtFile: 'jwt' }, /service accounts/],
    ['jwt', { method: 'jwt', mount: 'ci', role: 'other', jwt: 'wrong-MARKED' }, /audience/],
  ])('%s: access denied, with what to check', async (_name, auth, hint) => {
    await writeFile(join(folder, 'jwt'), 'wrong-MARKED');
    const error = await failure((await open(auth)).read());
    expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(error.message).toMatch(/^127\.0\.0\.1:\d+: the login by \w+ at auth\/\w+ was refused \(40[03]\)$/);
    expect(error.hint).toMatch(hint);
    expectNoSecrets(error, ['wrong-MARKED']);
  });

  it('says where no method is enabled; that is no missing secret', async () => {
    const error = await failure((await open({ method: 'approle', mount: 'team/approle', roleId: 'r' })).read());
    expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(error.message).toContain('no auth method at auth/team/approle');
  });

  it.each([429, 500, 503])('%i is unavailable', async (status) => {
    server.override = () => ({ status });
    expect((await failure((await open({ method: 'approle', roleId: 'r' })).read())).code).toBe(
      'ERR_SECRET_UNAVAILABLE',
    );
  });

  it('an answer without a token is not a login', async () => {
    server.override = () => ({
      status: 200,
      body: { auth: { client_token: '', lease_duration: 1, renewable: false } },
    });
    const error = await failure((await open({ method: 'approle', roleId: 'r' })).read());
    expect([error.code, error.retryable]).toEqual(['ERR_SECRET_UNAVAILABLE', false]);
  });
});

describe('a response-wrapped secret id', () => {
  const wrapped = { method: 'approle', roleId: 'role-id-1', secretIdFile: 'wrapping', secretIdWrapped: true };

  beforeEach(async () => {
    server.wrapped.set('s.WRAP-marked-1', server.secretId);
    await writeFile(join(folder, 'wrapping'), 's.WRAP-marked-1\n');
  });

  it('is unwrapped once, and kept for later logins', async () => {
    const { read, clock } = await open(wrapped);
    await read();
    await clock.advance(3_700_000);
    await read();
    expect(server.count('sys/wrapping/unwrap')).toBe(1);
    expect(loginBodies()).toHaveLength(2);
    expect(server.requests[0]).toMatchObject({ token: 's.WRAP-marked-1', method: 'POST' });
  });

  it('is unwrapped anew when the file holds another wrapping token', async () => {
    const { read, clock } = await open(wrapped);
    await read();
    server.secretId = 'second';
    server.wrapped.set('s.WRAP-marked-2', 'second');
    await writeFile(join(folder, 'wrapping'), 's.WRAP-marked-2');
    await clock.advance(3_700_000);
    await read();
    expect(loginBodies().at(-1)).toEqual({ role_id: 'role-id-1', secret_id: 'second' });
  });

  it('tells loudly when somebody has used the wrapping token already', async () => {
    server.wrapped.clear();
    const error = await failure((await open(wrapped)).read());
    expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(error.message).toMatch(/already used by somebody, or has expired/);
    expect(error.hint).toMatch(/security event/);
    expectNoSecrets(error, ['s.WRAP-marked-1']);
  });

  it('survives a caller that gives up while it is unwrapped', async () => {
    let answerNow = () => {};
    const slow = new Promise<void>((resolve) => {
      answerNow = resolve;
    });
    server.beforeAnswer = ({ path }) => (path === 'sys/wrapping/unwrap' ? slow : Promise.resolve());
    const { read } = await open(wrapped);
    await expect(read(AbortSignal.timeout(50))).rejects.toThrow();
    answerNow();
    expect((await read()).id).toBe('1');
    expect(server.count('sys/wrapping/unwrap')).toBe(1);
  });

  it('is unwrapped by a later try when the server was away', async () => {
    const { read } = await open(wrapped);
    server.override = () => ({ status: 503 });
    expect((await failure(read())).code).toBe('ERR_SECRET_UNAVAILABLE');
    server.override = undefined;
    expect((await read()).id).toBe('1');
  });

  it('is malformed when something else was wrapped', async () => {
    server.override = ({ path }) =>
      path === 'sys/wrapping/unwrap' ? { status: 200, body: { data: { password: 'x' } } } : undefined;
    expect((await failure((await open(wrapped)).read())).code).toBe('ERR_SECRET_MALFORMED');
  });
});
