import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { redact } from '../../src/redacted.js';
import { write } from '../config/support.js';
import { createMemoryStore } from '../support/memory-store.js';
import { CLIENT_ID, CLIENT_SECRET, emulated, type Given, run, workspace } from './support.js';

interface Step {
  name: string;
  status: string;
  ms: number;
  detail: string;
  error?: { code: string; hint?: string };
}

async function report(given: Given, ...args: string[]) {
  const { code, stdout, stderr } = await run(['doctor', '--output', 'json', ...args], given);
  const { ok, steps } = JSON.parse(stdout) as { ok: boolean; steps: Step[] };
  for (const { ms, detail } of steps) {
    expect(Number.isInteger(ms)).toBe(true);
    expect(detail).not.toBe('');
  }
  return { code, ok, stderr, steps, summary: steps.map(({ name, status }) => `${name} ${status}`) };
}

/** Times ahead of this machine's, as a server whose clock is wrong shows. */
const ahead = (ms: number) => ({ ...systemClock, now: () => systemClock.now() + ms });

describe('imsvault doctor', () => {
  it('goes all the way, each step with its time', async () => {
    const { emulator, env } = await emulated();
    const { code, stdout, stderr } = await run(['doctor'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    const names = ['config', 'env: open', 'env: read', 'env: shape', 'IMS: network', 'IMS: exchange'];
    for (const [index, name] of names.entries()) {
      expect(lines[index]).toMatch(new RegExp(`^✓ ${name} +\\d+ ms  \\S`));
    }
    expect(stdout).toContain(`client id ${CLIENT_ID}, one client secret`);
    expect(stdout).toContain('an emulator and not Adobe');
    expect(stdout).toMatch(/\nEverything works\.\n$/);
    expect(emulator.exchanges).toBe(1);
  });

  it('gives the same as JSON', async () => {
    const { env } = await emulated();
    const { code, ok, stderr, steps, summary } = await report({ env });
    expect({ code, ok, stderr }).toEqual({ code: 0, ok: true, stderr: '' });
    expect(summary).toEqual([
      'config ok',
      'env: open ok',
      'env: read ok',
      'env: shape ok',
      'IMS: network ok',
      'IMS: exchange ok',
    ]);
    expect(Object.keys(steps[0] ?? {})).toEqual(['name', 'status', 'ms', 'detail']);
  });

  it('stops at a config that is wrong', async () => {
    const cwd = await workspace('ims: { scopes: [openid] }\n');
    const { code, ok, summary, steps } = await report({ cwd });
    expect({ code, ok, summary }).toEqual({ code: 2, ok: false, summary: ['config failed'] });
    expect(steps[0]?.error).toMatchObject({ code: 'ERR_CONFIG_INVALID', problems: [{ path: 'ims.scopes' }] });
    const { stdout } = await run(['doctor'], { cwd });
    expect(stdout).toMatch(/^✗ config .+did you mean "scope"\? .+\n {4}ERR_CONFIG_INVALID\n\nNot everything works/);
  });

  it('tries the network all the same when the secret cannot be read', async () => {
    const { emulator, env } = await emulated();
    const { code, summary } = await report({ env: { ...env, FUSION_CLIENT_ID: '', FUSION_CLIENT_SECRET: '' } });
    expect(code).toBe(3);
    expect(summary).toEqual([
      'config ok',
      'env: open ok',
      'env: read failed',
      'IMS: network ok',
      'IMS: exchange skipped',
    ]);
    const text = await run(['doctor'], { env: { ...env, FUSION_CLIENT_ID: '', FUSION_CLIENT_SECRET: '' } });
    expect(text.stdout).toMatch(/✗ env: read .+\n {4}ERR_PROVIDER_NOT_CONFIGURED\n {4}→ Set both/);
    expect(text.stdout).toMatch(/– IMS: exchange +it needs the credential\n/);
    expect(emulator.exchanges).toBe(0);
  });

  it('says which of the names of IMS cannot be reached', async () => {
    const { emulator, env } = await emulated();
    await emulator.stop();
    const { code, summary, steps } = await report({ env });
    expect(code).toBe(5);
    expect(summary.slice(-2)).toEqual(['IMS: network failed', 'IMS: exchange failed']);
    expect(steps.at(-2)).toMatchObject({
      detail: expect.stringContaining('the connection was refused'),
      error: { code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', hint: expect.stringContaining('Nothing listens') },
    });
  });

  it('tells what to do about a rejected credential', async () => {
    const { emulator, env } = await emulated();
    emulator.setClientSecrets(CLIENT_ID, ['another']);
    const { code, summary, steps } = await report({ env });
    expect(code).toBe(4);
    expect(summary.at(-1)).toBe('IMS: exchange failed');
    expect(steps.at(-1)?.error).toMatchObject({ code: 'ERR_TOKEN_REQUEST_REJECTED', error: 'invalid_client' });
    expect(steps.at(-1)?.error?.hint).toContain('Adobe Developer Console');
  });

  it('stops before the exchange when told to', async () => {
    const { emulator, env } = await emulated();
    const { code, summary } = await report({ env }, '--no-exchange');
    expect({ code, last: summary.at(-1) }).toEqual({ code: 0, last: 'IMS: exchange skipped' });
    expect(emulator.requests.map(({ method }) => method)).toEqual(['GET']);
    const { stdout } = await run(['doctor', '--no-exchange'], { env });
    expect(stdout).toMatch(/– IMS: exchange +--no-exchange\n\nEverything works/);
  });

  it.each([
    [3_600_000, "this machine's clock is 3600 s behind: set it right (NTP)"],
    [-90_000, "this machine's clock is 90 s ahead: set it right (NTP)"],
  ])('warns of a clock that is %i ms off IMS’s', async (ms, text) => {
    const { env } = await emulated({ clock: ahead(ms) });
    const { code, ok, steps } = await report({ env });
    // The Date header has whole seconds, so one more or less is right.
    const network = steps.find(({ name }) => name === 'IMS: network');
    const [expected, found] = [text, network?.detail ?? ''].map((line) => Number(/(\d+) s /.exec(line)?.[1]));
    expect(Math.abs(Number(found) - Number(expected))).toBeLessThanOrEqual(1);
    expect(network).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining(text.replace(/.*\d+ s /, '')),
    });
    expect({ code, ok }).toEqual({ code: 0, ok: true });
  });

  it('goes on past a link of a chain that has nothing, and says so', async () => {
    const { env } = await emulated();
    const chain = (second: string) =>
      `credentials:\n  provider: chain\n  providers:\n    - { provider: env, clientId: NO_ID, clientSecret: NO_SECRET }\n    - ${second}\n`;
    const given = { env, cwd: await workspace(chain('{ provider: env }')) };
    const { code, summary, steps } = await report(given);
    expect(code).toBe(0);
    expect(summary.slice(1, 4)).toEqual(['env: open ok', 'env: read warning', 'env: open ok']);
    expect(steps[2]?.detail).toBe('NO_ID and NO_SECRET are not set; the chain goes on');

    const halfSet = { env: { ...env, NO_SECRET: CLIENT_SECRET }, cwd: given.cwd };
    expect((await report(halfSet)).summary.slice(1)).toEqual([
      'env: open ok',
      'env: read failed',
      'IMS: network ok',
      'IMS: exchange skipped',
    ]);

    const nowhere = await workspace(chain('{ provider: env, clientId: A, clientSecret: B }'));
    const last = await report({ env, cwd: nowhere });
    expect({ code: last.code, read: last.summary[4] }).toEqual({ code: 3, read: 'env: read failed' });
  });
});

describe('the token store', () => {
  it('is looked at, and told of where it cannot be used', async () => {
    const { env } = await emulated();
    const cwd = await workspace('credentials: { provider: env }\ntokenStore: { provider: ./store.mjs }\n');
    const store = await createMemoryStore(cwd);
    const doctor = async () => {
      const { code, stdout } = await run(['doctor', '-o', 'json', '--config', 'imsvault.config.yaml'], { cwd, env });
      const { steps } = JSON.parse(stdout) as { steps: { name: string }[] };
      return { code, step: steps.find(({ name }) => name === 'token store') };
    };
    expect(await doctor()).toMatchObject({
      code: 0,
      step: { status: 'ok', detail: 'the secret "token": no token yet' },
    });
    await run(['token', '--config', 'imsvault.config.yaml'], { cwd, env });
    expect(await doctor()).toMatchObject({
      code: 0,
      step: { detail: expect.stringContaining('generation 1, 1440 min') },
    });
    store.state.text = redact('{"not":"a token document"}');
    expect(await doctor()).toMatchObject({
      code: 3,
      step: { status: 'failed', error: { code: 'ERR_SECRET_MALFORMED' } },
    });
  });

  it('of a consumer must hold a token that lives', async () => {
    const { env } = await emulated({ expiresInSeconds: 2 });
    const cwd = await workspace('tokenStore: { provider: ./store.mjs }\n');
    await createMemoryStore(cwd);
    await write(cwd, 'renewer.yaml', 'credentials: { provider: env }\ntokenStore: { provider: ./store.mjs }\n');
    const doctor = () => run(['doctor', '--config', 'imsvault.config.yaml'], { cwd, env });
    expect(await doctor()).toMatchObject({
      code: 5,
      stdout: expect.stringMatching(
        /✗ token store .*no token yet, and a consumer[\s\S]+ERR_TOKEN_WAIT_TIMEOUT[\s\S]+Not everything/,
      ),
    });
    expect((await run(['token', '--config', 'renewer.yaml'], { cwd, env })).code).toBe(0);
    expect(await doctor()).toMatchObject({ code: 0, stdout: expect.stringContaining('Everything works.') });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3000 });
    try {
      expect(await doctor()).toMatchObject({ code: 5, stdout: expect.stringContaining('its token has ended') });
    } finally {
      vi.useRealTimers();
    }
  });
});
