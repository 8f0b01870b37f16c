import { describe, expect, it } from 'vitest';
import { VERSION } from '../../src/version.js';
import { emulated, errorIn, run } from './support.js';

const wrong: [string[], string, string?][] = [
  [['tokn'], "unknown command 'tokn'", 'Did you mean token?'],
  [['config', 'shw'], "unknown command 'shw'", 'Did you mean show?'],
  [['token', '--min-tll', '3'], "unknown option '--min-tll'", 'Did you mean --min-ttl?'],
  [['token', '--profil', 'x'], "unknown option '--profil'", 'Did you mean --profile?'],
  [['--debug=true', 'token'], "option '--debug' takes no value (command line)", 'Write --debug alone.'],
  [['token', '--force=x'], "option '--force' takes no value", 'Write --force alone.'],
  [['token', '--dry-run=x'], "unknown option '--dry-run'"],
  [['token', '--output', 'yaml'], "argument 'yaml' is invalid. Allowed choices are raw, json, env, header"],
  [['doctor', '--output', 'raw'], 'Allowed choices are text, json'],
  [['token', 'extra'], "too many arguments for 'token'"],
  [['token', '--min-ttl'], "option '--min-ttl <duration>' argument missing"],
  [['token', '--min-ttl', 'soon'], '--min-ttl: write a duration: 30s, 10m, 2h, or milliseconds'],
  [['--config'], "option '-c, --config <file>' argument missing"],
  [['emulator', '--port', 'x'], 'It must be a whole number'],
  [['emulator', '--fault', 'nap'], 'latency:MS, throttled[:RETRY_AFTER], internal_error'],
  [['emulator', '--fault', 'latency'], 'latency:MS'],
  [['emulator', '--fault-times', '2'], '--fault says what'],
  [['token', '--set', 'nonsense'], 'write path=value'],
  [['token', '--profile', 'x'], 'there is no profile "x"'],
  [['token', '--config', 'nowhere.yaml'], 'nowhere.yaml does not exist'],
];

describe('a command line that cannot be', () => {
  it.each(wrong)('%j: exit 2, one line, and what was meant', async (args, message, hint) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^imsvault: ERR_CONFIG_INVALID: [^\n]+\n$/);
    expect(stderr).toContain(message);
    if (hint !== undefined) expect(stderr).toContain(hint);
  });

  it.each([
    [['token', '--nope']],
    [['token', 'extra']],
    [['token', '--min-ttl', 'soon']],
    [['config', 'validate', '--nope']],
    [['doctor', 'extra']],
  ])('%j --output json: JSON alone on stderr', async (args) => {
    for (const output of [['--output', 'json'], ['--output=json'], ['-o', 'json'], ['-ojson']]) {
      const { code, stdout, stderr } = await run([
        ...args.slice(0, 1),
        ...args.slice(1, 2),
        ...output,
        ...args.slice(2),
      ]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(errorIn(stderr)).toMatchObject({
        code: 'ERR_CONFIG_INVALID',
        problems: [{ message: expect.any(String) }],
      });
    }
  });

  it('does not repeat a value, which may be a secret in the wrong place', async () => {
    const { code, stderr } = await run(['token', '--client-secret=s3cr3t\nvalue']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^imsvault: ERR_CONFIG_INVALID: unknown option '--client-secret' \(command line\)[^\n]+\n$/);
    expect(stderr).not.toContain('s3cr3t');
  });

  it.each([
    [['token', '-o', '--client-secret=p8e-S3CR3T'], "option '-o, --output <format>' argument is invalid. Allowed"],
    [['emulator', '--port', 'p8e-S3CR3T'], "option '--port <number>' argument is invalid. It must"],
    [['completion', 'p8e-S3CR3T'], 'is invalid'],
    [['p8e-S3CR3T'], 'unknown command (command line)'],
    [['token', '--p8e-S3CR3T'], 'unknown option (command line)'],
    [['token', 'p8e-S3CR3T', 'p8e-S3CR3T'], 'too many arguments'],
  ])('nor a word that looks like no name: %j', async (args, message) => {
    const { code, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('S3CR3T');
  });

  it('refuses a secret in a flag, and does not repeat it', async () => {
    const set = ['provider=vault', 'auth.method=token', 'auth.token=s3cr3t'].flatMap((flag) => [
      '--set',
      `credentials.${flag}`,
    ]);
    const { code, stderr } = await run(['token', ...set]);
    expect(code).toBe(2);
    expect(stderr).toContain('a secret must not stand in a command line');
    expect(stderr).not.toContain('s3cr3t');
  });

  it('a doctor told to probe an unsafe address says so in its report and sends nothing', async () => {
    const { emulator, env } = await emulated();
    const { code, stdout } = await run(['doctor', '--probe', '--probe-url', 'http://example.com'], { env });
    expect(code).toBe(2);
    expect(stdout).toContain('--probe-url: must be an https:// URL');
    expect(emulator.requests).toEqual([]);
  });
});

describe('help and version', () => {
  it('prints the help for nothing, on stderr, as a wrong command line', async () => {
    for (const args of [[], ['config']]) {
      const { code, stdout, stderr } = await run(args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^Usage: imsvault/);
    }
  });

  it('prints what is asked for on stdout', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
    for (const args of [['--help'], ['help'], ['token', '--help'], ['help', 'doctor'], ['config', 'show', '-h']]) {
      const { code, stdout, stderr } = await run(args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: imsvault/);
    }
  });
});
