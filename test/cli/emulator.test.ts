import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmulatorCommandOptions, runEmulator } from '../../src/cli/commands/emulator.js';
import { createImsEmulator } from '../../src/testing/index.js';
import { expectNoSecrets } from '../support/leaks.js';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'imsvault-'));
});
afterEach(() => rm(cwd, { recursive: true }));

/** Runs the command until it says how to stop it. */
async function start(options: Partial<EmulatorCommandOptions> = {}) {
  const controller = new AbortController();
  let output = '';
  let ready: () => void;
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const stdout = (text: string) => {
    output += text;
    if (output.includes('Ctrl-C')) ready();
  };
  const exit = runEmulator({ port: 0, expiresInSeconds: 120, ...options }, { stdout, signal: controller.signal, cwd });
  await Promise.race([isReady, exit]);
  const endpoint = /token endpoint +(\S+)/.exec(output)?.[1] ?? '';
  const stop = () => {
    controller.abort();
    return exit;
  };
  return { endpoint, stop, output: () => output };
}

const post = (endpoint: string, client_id: string, client_secret: string) =>
  fetch(endpoint, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret, scope: 'openid' }),
  });

describe('imsvault emulator', () => {
  it('tells how to use it, serves, prints a line a request, and ends with 0 when stopped', async () => {
    const { endpoint, output, stop } = await start();
    expect(output()).toContain('emulator-client-id');
    expect(output()).toContain('emulator-client-secret');
    const response = await post(endpoint, 'emulator-client-id', 'emulator-client-secret');
    const { access_token, expires_in } = (await response.json()) as { access_token: string; expires_in: number };
    expect(expires_in).toBe(120);
    expect(await stop()).toBe(0);
    await expect(fetch(endpoint)).rejects.toThrow();
    expect(output()).toContain('POST /ims/token/v3 → 200, client emulator-client-id\n');
    expectNoSecrets(output(), [access_token]);
    for (const line of output().trimEnd().split('\n')) expect(line).toMatch(/^\[IMS emulator\] /);
  });

  it('takes a secret of one’s own from a file and never prints it', async () => {
    await writeFile(join(cwd, 'secret'), 's3cr3t-of-mine\n');
    const { endpoint, output, stop } = await start({ clientId: 'mine', clientSecretFile: 'secret' });
    expect((await post(endpoint, 'mine', 's3cr3t-of-mine')).status).toBe(200);
    expect((await post(endpoint, 'mine', 'emulator-client-secret')).status).toBe(400);
    await stop();
    expect(output()).toMatch(/client secret +from secret\n/);
    expectNoSecrets(output(), ['s3cr3t-of-mine']);
  });

  it('names every option that it cannot use', async () => {
    await expect(start({ port: 65_536, expiresInSeconds: 0 })).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      problems: [{ path: '--port' }, { path: '--expires-in' }],
    });
    await expect(start({ faultTimes: 0 })).rejects.toMatchObject({
      problems: [{ path: '--fault-times', message: 'must be at least 1' }, { path: '--fault-times' }],
    });
    await expect(start({ clientSecretFile: 'nowhere' })).rejects.toMatchObject({
      code: 'ERR_SECRET_MALFORMED',
      message: expect.stringContaining('--client-secret-file'),
    });
  });

  it('misbehaves as it is told, so many times', async () => {
    const { endpoint, output, stop } = await start({ fault: { kind: 'throttled', retryAfter: '120' }, faultTimes: 2 });
    const ask = () => post(endpoint, 'emulator-client-id', 'emulator-client-secret');
    const answers = [await ask(), await ask(), await ask()];
    expect(answers.map(({ status }) => status)).toEqual([429, 429, 200]);
    expect(answers[0]?.headers.get('retry-after')).toBe('120');
    await stop();
    expect(output()).toContain('[IMS emulator] fault         throttled, 2 times\n');
    expect(output()).toContain('→ 429, client emulator-client-id, fault throttled\n');
  });

  it('misbehaves always where it is not told how often', async () => {
    const { endpoint, output, stop } = await start({ fault: { kind: 'internal_error' } });
    for (let turn = 0; turn < 5; turn++) {
      expect((await post(endpoint, 'emulator-client-id', 'emulator-client-secret')).status).toBe(500);
    }
    await stop();
    expect(output()).toContain('fault         internal_error, always\n');
  });

  it('says so when the port is taken', async () => {
    const other = await createImsEmulator().start();
    try {
      await expect(start({ port: Number(new URL(other.url).port) })).rejects.toMatchObject({
        code: 'ERR_CONFIG_INVALID',
        message: expect.stringMatching(/--port: cannot listen on port \d+ \(EADDRINUSE\)/),
        hint: expect.stringContaining('another port'),
      });
    } finally {
      await other.stop();
    }
  });
});
