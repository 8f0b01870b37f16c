import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { run } from './support.js';

/** What bash offers; the words as bash splits them, the last one unfinished. */
async function bash(...words: string[]): Promise<string[]> {
  const { code, stdout } = await run(['completion', 'bash']);
  expect(code).toBe(0);
  const ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _imsvault; printf "%s\\n" "${COMPREPLY[@]}"';
  const offered = execFileSync('bash', ['--norc', '-c', `${stdout}${ask}`, 'bash', 'imsvault', ...words], {
    encoding: 'utf8',
  });
  return offered.split('\n').filter((line) => line !== '');
}

/** The commands that `--help` lists below a command. */
async function listed(...path: string[]): Promise<string[]> {
  const { stdout } = await run([...path, '--help']);
  return [...(stdout.split('Commands:')[1] ?? '').matchAll(/^ {2}(\w+)/gm)].map((match) => match[1] as string);
}

describe.skipIf(process.platform === 'win32')('bash completion', () => {
  it('offers every command that the help lists', async () => {
    const commands = await listed();
    expect(commands).toEqual(expect.arrayContaining(['token', 'exec', 'config', 'completion', 'help']));
    expect(await bash('')).toEqual(commands);
    expect(await bash('config', '')).toEqual(await listed('config'));
    expect(await bash('tok')).toEqual(['token']);
  });

  it('offers the options of the place, and those of the program', async () => {
    expect(await bash('token', '--m')).toEqual(['--min-ttl']);
    expect(await bash('token', '--pro')).toEqual(['--profile']);
    expect(await bash('config', 'show', '--o')).toEqual(['--output']);
    expect(await bash('--min')).toEqual([]);
    expect(await bash('--ver')).toEqual(['--version']);
  });

  it('offers what an option or an operand can be', async () => {
    const outputs = ['raw', 'json', 'env', 'header', 'k8s', 'azure', 'git'];
    expect(await bash('token', '--output', '')).toEqual(outputs);
    expect(await bash('token', '-o', 'j')).toEqual(['json']);
    expect(await bash('token', '--output', '=')).toEqual(outputs);
    expect(await bash('token', '--output', '=', 'h')).toEqual(['header']);
    expect(await bash('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('takes an option’s value for no command', async () => {
    expect(await bash('--profile', 'token', 'ex')).toEqual(['exec']);
    expect(await bash('--profile', '=', 'token', 'ex')).toEqual(['exec']);
    expect(await bash('token', '--min-ttl', '')).toEqual([]);
  });

  it('leaves the words behind -- to the program that they name', async () => {
    expect(await bash('exec', '--env', 'X', '--', 'bas')).toContain('bash');
    expect(await bash('exec', '--', 'cat', '--out')).toEqual([]);
  });
});

it('there is no script for another shell', async () => {
  expect(await run(['completion', 'tcsh'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('bash, zsh, fish'),
  });
});
