import { describe, expect, it } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { write } from '../config/support.js';
import { createMemoryStore } from '../support/memory-store.js';
import { emulated, errorIn, run, workspace } from './support.js';

const CONSUMER = 'tokenStore: { provider: ./store.mjs }\n';
const RENEWER = `credentials: { provider: env }\n${CONSUMER}`;

async function setUp(config = RENEWER) {
  const { emulator, env } = await emulated();
  const cwd = await workspace(config);
  const store = await createMemoryStore(cwd);
  const command = (...args: string[]) => run([...args, '--config', 'imsvault.config.yaml'], { cwd, env });
  return { emulator, env, cwd, store, command };
}

const parsed = (stdout: string) => (JSON.parse(stdout) as { profiles: Record<string, never>[] }).profiles;

describe('imsvault status', () => {
  it('says what stands in the token store, and neither exchanges nor writes', async () => {
    const { emulator, store, command } = await setUp();
    await command('token');
    const { writes } = store.state;
    const { code, stdout, stderr } = await command('status');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^token store {3}the secret "token"$/m);
    expect(stdout).toMatch(/^generation {4}1$/m);
    expect(stdout).toMatch(/^expires {7}\S+Z, in 23 h 59 min$|^expires {7}\S+Z, in 24 h 0 min$/m);
    expect(stdout).toMatch(/^renews from {3}\S+Z, in 19 h \d+ min \(fresh\)$/m);
    expect(emulator.exchanges).toBe(1);
    expect(store.state.writes).toBe(writes);
  });

  it('gives the same as JSON, for a consumer too', async () => {
    const { command, cwd, env, emulator } = await setUp();
    await command('token');
    await write(cwd, 'consumer.yaml', CONSUMER);
    const { stdout, code } = await run(['status', '-o', 'json', '--config', 'consumer.yaml'], { cwd, env });
    const life = { client_id: 'cli-test-client', phase: 'fresh' };
    expect(code).toBe(0);
    expect(parsed(stdout)).toMatchObject([
      { usable: true, token_store: { place: 'the secret "token"', generation: 1, age: 0, token: life } },
    ]);
    expect(emulator.exchanges).toBe(1);
  });

  it('tells of a claim, and of the last failure with what to do', async () => {
    const { command, store } = await setUp();
    await command('token');
    store.edit({ renewal: { id: 'someone', ttl: 20 } });
    expect((await command('status')).stdout).toMatch(/^renewal {7}claimed by a process; given up .* 20 s$/m);
    store.edit({ renewal: undefined, last_failure: { id: 'f', code: 'invalid_client', retry_after: 300, count: 2 } });
    const { stdout } = await command('status');
    expect(stdout).toMatch(/^last failure {2}invalid_client, 2 in a row; all wait 5 min\n {14}→ \S/m);
    const [report] = parsed((await command('status', '-o', 'json')).stdout);
    expect(report).toMatchObject({
      token_store: { last_failure: { code: 'invalid_client', count: 2, retry_after: 300 } },
    });
  });

  it('says so where nothing is there yet, or nothing can be', async () => {
    const { command, cwd, env } = await setUp();
    expect((await command('status')).stdout).toMatch(/^token {9}none yet$/m);
    await write(cwd, 'alone.yaml', 'credentials: { provider: env }\n');
    const { code, stdout } = await run(['status', '--config', 'alone.yaml'], { cwd, env });
    expect([code, stdout]).toEqual([
      0,
      'profile       (the only one)\ntoken store   none: each process exchanges for itself\n',
    ]);
  });

  it.each([
    ['ERR_SECRET_UNAVAILABLE', 5],
    ['ERR_SECRET_ACCESS_DENIED', 3],
  ] as const)('shows the error of a store, and ends with its code: %s', async (code, exit) => {
    const { command, store } = await setUp();
    store.state.error = new ImsvaultError(code, 'the store says no', { hint: 'Ask it.' });
    const { code: ended, stdout } = await command('status');
    expect([ended, stdout]).toEqual([
      exit,
      `profile       (the only one)\nerror         ${code}: the store says no\n              → Ask it.\n`,
    ]);
  });

  it('does not take the token of another identity for its own', async () => {
    const { command, store } = await setUp();
    await command('token');
    store.edit({ identity: 'y'.repeat(43) });
    const { stdout } = await command('status', '--check', '-o', 'json');
    expect(parsed(stdout)).toMatchObject([{ usable: false, error: { code: 'ERR_TOKEN_DOCUMENT_MISMATCH' } }]);
  });

  it('shows what this machine has cached, and makes nothing of a cache that is turned off', async () => {
    const { env, cwd, emulator } = await setUp('credentials: { provider: env }\n');
    const cached = { cwd, env: { ...env, XDG_CACHE_HOME: cwd, IMSVAULT_CACHE: 'on' } };
    const check = async (given = cached) => {
      const { code, stdout } = await run(['status', '--check', '-o', 'json'], given);
      return { code, ...parsed(stdout)[0] };
    };
    expect(await check()).toMatchObject({ code: 5, usable: false });
    await run(['token'], cached);
    expect(await check()).toMatchObject({
      code: 0,
      usable: true,
      cached: { client_id: 'cli-test-client', phase: 'fresh' },
    });
    expect(await check({ cwd, env: { ...cached.env, IMSVAULT_CACHE: 'off' } })).toMatchObject({
      code: 5,
      usable: false,
    });
    expect(emulator.exchanges).toBe(1);
  });
});

describe('imsvault status --check', () => {
  it('is one line and 0 while a token with the life asked for is there, else 5', async () => {
    const { command, store } = await setUp();
    const none = await command('status', '--check');
    expect([none.code, none.stdout]).toEqual([5, 'not usable: no token is there\n']);
    await command('token');
    const good = await command('status', '--check');
    expect([good.code, good.stdout]).toEqual([0, expect.stringMatching(/^usable, expires \S+Z, in 2\d h \d+ min\n$/)]);
    expect((await command('status', '--check', '--min-ttl', '23h')).code).toBe(0);
    expect((await command('status', '--check', '--min-ttl', '25h')).code).toBe(5);
    // Within its last minute a token is not served, and so is none.
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    store.edit({ issued_at: at(-3_600_000), expires_at: at(1000) });
    const short = await command('status', '--check');
    expect([short.code, short.stdout]).toEqual([5, expect.stringMatching(/^not usable: expires \S+Z, in 1 s\n$/)]);
    store.state.error = new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'the store says no');
    const denied = await command('status', '--check');
    expect([denied.code, denied.stdout]).toEqual([5, 'not usable: the store says no\n']);
  });
});

describe('imsvault status --all', () => {
  it('reports on every profile, and one that is wrong does not hide the others', async () => {
    const { command } = await setUp(
      'defaultProfile: one\nprofiles:\n  one: { tokenStore: { provider: ./store.mjs } }\n  bad: { imz: {} }\n  two: { credentials: { provider: env } }\n',
    );
    const { code, stdout } = await command('status', '--all', '-o', 'json');
    expect(code).toBe(2);
    expect(parsed(stdout)).toMatchObject([
      { profile: 'one', usable: false, token_store: { generation: 0 } },
      { profile: 'bad', usable: false, error: { code: 'ERR_CONFIG_INVALID' } },
      { profile: 'two', usable: false },
    ]);
    expect((await command('status', '--all', '--check')).stdout.split('\n')).toHaveLength(4);
  });

  it('does not go with --profile, and a wrong duration is said', async () => {
    const { command } = await setUp();
    const both = await command('status', '--all', '--profile', 'x', '-o', 'json');
    expect([both.code, errorIn(both.stderr).message]).toEqual([2, '--all: give --all or --profile, not both']);
    const wrong = await command('status', '--min-ttl', 'soon', '-o', 'json');
    expect([wrong.code, errorIn(wrong.stderr).code]).toEqual([2, 'ERR_CONFIG_INVALID']);
  });
});
