import { describe, expect, it } from 'vitest';
import { Interrupted } from '../../src/cli/io.js';
import type { ImsFault } from '../../src/testing/index.js';
import { until } from '../testing/over-http.js';
import { CLIENT_ID, CLIENT_SECRET, emulated, errorIn, type Given, run, workspace } from './support.js';

/** A line of code, text and hint; then the same as JSON. */
async function failure(args: string[], given: Given, code: number, error: string) {
  const text = await run(args, given);
  expect(text).toMatchObject({ code, stdout: '' });
  expect(text.stderr).toMatch(new RegExp(`^imsvault: ${error}: [^\\n]+\\n$`));
  const json = await run([...args, '--output', 'json'], given);
  expect(json).toMatchObject({ code, stdout: '' });
  const document = errorIn(json.stderr);
  expect(document).toMatchObject({ code: error, message: expect.any(String), retryable: expect.any(Boolean) });
  const withoutId = (line: string) => line.replace(/x-debug-id [\w-]+/g, '');
  expect(withoutId(text.stderr)).toContain(withoutId(String(document.message)));
  if (document.hint !== undefined) expect(text.stderr).toContain(document.hint);
  return document;
}

const failed = async (fault: ImsFault, code: number, error: string) => {
  const { emulator, env } = await emulated();
  emulator.fail(fault);
  return failure(['token'], { env }, code, error);
};

describe('exit codes', () => {
  it('1: anything that imsvault does not know, and its text stays inside', async () => {
    const { env } = await emulated();
    const stdout = () => {
      throw new TypeError(`it quotes ${CLIENT_SECRET}`, { cause: { password: CLIENT_SECRET } });
    };
    const text = await run(['token', '--debug'], { env, stdout });
    expect(text.code).toBe(1);
    expect(text.stderr).toMatch(/^imsvault: unexpected TypeError; this is a bug\. .*--debug/);
    expect(text.stderr).toMatch(/\n {2}at .+exit-codes\.test\.ts/);
    const json = await run(['token', '-o', 'json'], { env, stdout });
    expect(errorIn(json.stderr)).toEqual({ code: 'ERR_UNEXPECTED', message: 'unexpected TypeError' });
  });

  it('2: a config with problems, every one of them', async () => {
    const cwd = await workspace('ims: { tokenEndpont: x }\ncredentials: { provider: envv }\n');
    const json = await run(['token', '-o', 'json'], { cwd });
    expect(json.code).toBe(2);
    const problems = errorIn(json.stderr).problems as { path: string; source: string }[];
    expect(problems.map(({ path }) => path).sort()).toEqual(['credentials.provider', 'ims.tokenEndpont']);
    expect(problems.map(({ source }) => source).sort()).toEqual(['imsvault.config.yaml:1', 'imsvault.config.yaml:2']);
    const text = await run(['token'], { cwd });
    expect(text.stderr).toContain('did you mean "tokenEndpoint"?');
  });

  it('2: a provider that is not installed, with the line that installs it', async () => {
    const cwd = await workspace('credentials: { provider: "@acme/imsvault-provider-x" }\n');
    const given = { cwd, env: { IMSVAULT_CONFIG: 'imsvault.config.yaml' } };
    const { hint } = await failure(['token'], given, 2, 'ERR_PROVIDER_NOT_INSTALLED');
    expect(hint).toContain('npm install @acme/imsvault-provider-x');
  });

  it('3: nothing is configured, or half of it', async () => {
    await failure(['token'], { env: {} }, 3, 'ERR_PROVIDER_NOT_CONFIGURED');
    const env = { FUSION_CLIENT_SECRET: CLIENT_SECRET };
    await failure(['token'], { env }, 3, 'ERR_SECRET_MALFORMED');
  });

  it('4: IMS rejects the credential, or its answer is none', async () => {
    const { emulator, env } = await emulated();
    emulator.setClientSecrets(CLIENT_ID, ['another']);
    expect(await failure(['token'], { env }, 4, 'ERR_TOKEN_REQUEST_REJECTED')).toMatchObject({
      retryable: false,
      error: 'invalid_client',
      error_description: 'invalid client_secret parameter',
      status: 400,
      x_debug_id: expect.stringMatching(/^emulator-/),
    });
    await failed({ kind: 'response', status: 200, body: '<html>' }, 4, 'ERR_TOKEN_RESPONSE_INVALID');
    await failed({ kind: 'redirect', location: 'http://127.0.0.1:9/' }, 4, 'ERR_TOKEN_RESPONSE_INVALID');
  });

  it('5: IMS is unavailable', async () => {
    await failed({ kind: 'internal_error' }, 5, 'ERR_TOKEN_ENDPOINT_UNAVAILABLE');
    await failed({ kind: 'reset' }, 5, 'ERR_TOKEN_ENDPOINT_UNAVAILABLE');
    expect(await failed({ kind: 'throttled', retryAfter: 90 }, 5, 'ERR_TOKEN_ENDPOINT_UNAVAILABLE')).toMatchObject({
      retryable: true,
      retry_after: 90,
    });
    const { emulator, env } = await emulated();
    await emulator.stop();
    const { message } = await failure(['token'], { env }, 5, 'ERR_TOKEN_ENDPOINT_UNAVAILABLE');
    expect(message).toContain('refused');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s: %i, in the middle of an exchange', async (signalName, code) => {
    const { emulator, env } = await emulated();
    emulator.fail({ kind: 'hang' });
    for (const args of [['token'], ['token', '-o', 'json'], ['doctor']]) {
      const seen = emulator.requests.length;
      const controller = new AbortController();
      const running = run(args, { env, signal: controller.signal });
      await until(() => emulator.requests.slice(seen).some(({ method }) => method === 'POST'));
      controller.abort(new Interrupted(signalName));
      const { code: got, stderr, stdout } = await running;
      expect(got).toBe(code);
      if (args.includes('json')) {
        expect(errorIn(stderr)).toEqual({ code: 'ERR_ABORTED', message: `stopped by ${signalName}`, retryable: false });
      } else {
        expect(stderr).toBe(`imsvault: ERR_ABORTED: stopped by ${signalName}.\n`);
      }
      expect(stdout).not.toContain('✗');
    }
  });

  it('--debug tells where, and what a vendor’s error was called', async () => {
    const { emulator, env } = await emulated();
    emulator.fail({ kind: 'reset' });
    const text = await run(['--debug', 'token'], { env });
    expect(text.stderr).toMatch(/^imsvault: ERR_TOKEN_ENDPOINT_UNAVAILABLE: .+\n {2}ImsvaultError \(ERR_TOKEN_END/);
    expect(text.stderr).toMatch(/\n {2}at .+exchange\.ts/);
    expect(text.stderr).toMatch(/\n {2}caused by \{"name":/);
    const json = await run(['token', '--debug', '-o', 'json'], { env });
    expect(errorIn(json.stderr)).toMatchObject({ stack: expect.arrayContaining([expect.stringMatching(/^at /)]) });
  });
});
