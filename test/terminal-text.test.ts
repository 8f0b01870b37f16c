import { describe, expect, it } from 'vitest';
import { printable, printableName } from '../src/terminal-text.js';
import { run, workspace } from './cli/support.js';

it('shows what a terminal would do instead of showing it', () => {
  expect(printable('é\u202e\x1b[31m\x9b1m\u2066\u200f\u2028\ta\nb 漢 😀')).toBe('é??[31m?1m????a\nb 漢 😀');
  expect(printableName('a\r\nb')).toBe('a??b');
});

describe('a name that would steer the terminal', () => {
  const NAME = 'é\\u202e\\n\\x1b[31m';
  const config = (options: string) =>
    `profiles:\n  "${NAME}": { ${options} }\n  b: { credentials: { provider: env } }\n`;

  it.each([
    ['status', '--all'],
    ['status', '--all', '--check'],
    ['token', '-p', 'nope'],
    ['token'],
    ['config', 'validate'],
    ['config', 'show', '-p', 'é\u202e\n\x1b[31m'],
  ])('is cleaned by %s %s %s', async (...args) => {
    for (const options of ['credentials: { provider: env }', 'credentials: { provider: env }, fooo: 1']) {
      const cwd = await workspace(config(options));
      const { stdout, stderr } = await run(['-c', 'imsvault.config.yaml', ...args.filter(Boolean)], { cwd });
      expect(stdout + stderr).toMatch(/[^\n]/);
      expect(stdout + stderr).not.toMatch(/\u202e|(?!\n)\p{Cc}|^[?]*\[31m/mu);
    }
  });
});
