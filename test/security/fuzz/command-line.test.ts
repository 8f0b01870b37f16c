import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, describe, expect } from 'vitest';
import { main } from '../../../src/cli/main.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { fuzz } from './fuzz.js';
import { mutatedText, secrets } from './mutations.js';

const folder = mkdtempSync(join(tmpdir(), 'imsvault-fuzz-'));
mkdirSync(join(folder, '.git'));
writeFileSync(join(folder, 'profiles.yaml'), 'profiles:\n  a: { credentials: { provider: env } }\n  b: {}\n', {
  mode: 0o600,
});
afterAll(() => rmSync(folder, { recursive: true }));

/** `serve` and `emulator` run on, and what stands behind `--` is run: they are tried elsewhere. */
const commands = fc.constantFrom(
  ['token'],
  ['status'],
  ['config', 'validate'],
  ['config', 'show'],
  ['config', 'schema'],
  ['config'],
  ['exec'],
  ['completion', 'bash'],
  ['completion'],
  ['rotate'],
  ['help'],
  [],
  ['tokn'],
  ['constructor'],
);
const options = secrets.chain((secret) =>
  fc
    .oneof(
      fc.constantFrom(
        ['-o', 'json'],
        ['--output', 'text'],
        ['--output=json'],
        ['-o'],
        ['--help'],
        ['--version'],
        ['--debug'],
        ['--min-ttl', '10m'],
        ['--min-ttl', '-1'],
        ['--force'],
        ['--no-cache'],
        ['--all'],
        ['--check'],
        ['--dry-run'],
        ['--yes'],
        ['-c', 'profiles.yaml'],
        ['-c', '/nowhere'],
        ['-p', 'a'],
        ['-p', '__proto__'],
        ['--set', 'cache=off'],
        ['--set', '__proto__.x=1'],
        ['--set', 'ims.scope=a'],
        ['--set', 'renewal.softFractionMin=2'],
      ),
      fc
        .constantFrom(
          `--set=credentials.auth.token=${secret}`,
          `--token=${secret}`,
          `--client-secret=${secret}`,
          `--set=${secret}`,
          `--min-ttl=${secret}`,
          `--set=ims.tokenEndpoint=https://x:${encodeURIComponent(secret)}@127.0.0.1:1/`,
        )
        .map((one) => [one]),
      fc.constantFrom(
        ['--set', `credentials.auth.token=${secret}`],
        ['--set', `credentials.provider=${secret}`],
        ['--min-ttl', secret],
        ['--output', secret],
        [secret],
      ),
      mutatedText(fc.constantFrom('--output=json', '--set=cache=off', '--profile=a')).map((text) => [text]),
    )
    .map((words) => ({ secret, words })),
);
const lines = fc.tuple(commands, fc.array(options, { maxLength: 4 })).map(([command, more]) => ({
  args: [...command, ...more.flatMap(({ words }) => words)].filter((word) => word !== '--'),
  secrets: more.map(({ secret }) => secret),
}));

const EXIT_CODES = [0, 1, 2, 3, 4, 5, 69, 70, 75, 126, 127, 130, 143];

describe('command lines', () => {
  fuzz('command line', lines, async ({ args, secrets }) => {
    let [stdout, stderr] = ['', ''];
    // No credential, and nothing to reach: each command ends before it could do anything.
    const env = { IMSVAULT_CACHE: 'off', IMSVAULT_IMS_TOKEN_ENDPOINT: 'http://127.0.0.1:1/', HOME: folder };
    const code = await main(args, {
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
      stdin: Readable.from(['']),
      env,
      cwd: folder,
      signal: new AbortController().signal,
    });
    expect(EXIT_CODES).toContain(code);
    expect(stderr).not.toContain('unexpected');
    expectNoSecrets(stdout + stderr, secrets);
    if (code !== 0) {
      expect(stdout + stderr, args.join(' ')).not.toBe('');
      return 'refused';
    }
    return 'accepted';
  });
});
