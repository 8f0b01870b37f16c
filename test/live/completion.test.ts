import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../cli/support.js';
import { tempFolder } from '../config/support.js';
import { findBinary } from './servers/process.js';

const OUTPUTS = ['azure', 'env', 'git', 'header', 'json', 'k8s', 'raw'];

async function script(shell: string): Promise<string> {
  const { code, stdout } = await run(['completion', shell]);
  expect(code).toBe(0);
  return stdout;
}

describe('fish completion', () => {
  async function fish(line: string, cwd?: string): Promise<string[]> {
    const command = findBinary('fish', 'IMSVAULT_TEST_FISH_BIN', 'run: apt-get install fish');
    const args = ['--no-config', '-c', `${await script('fish')}\ncomplete -C "$argv[1]"`, line];
    const offered = execFileSync(command, args, {
      encoding: 'utf8',
      cwd,
      env: { ...process.env, HOME: await tempFolder() },
    });
    return offered
      .split('\n')
      .filter((text) => text !== '')
      .map((text) => text.split('\t')[0] as string)
      .sort();
  }

  it('offers commands, options, values, files, and the words of another program', async () => {
    expect(await fish('imsvault tok')).toEqual(['token']);
    expect(await fish('imsvault --profile token ex')).toEqual(['exec']);
    expect(await fish('imsvault config ')).toEqual(['help', 'schema', 'show', 'validate']);
    expect(await fish('imsvault token --mi')).toEqual(['--min-ttl']);
    expect(await fish('imsvault token --prof')).toEqual(['--profile']);
    expect(await fish('imsvault token --output ')).toEqual(OUTPUTS);
    expect(await fish('imsvault token -o j')).toEqual(['json']);
    expect(await fish('imsvault completion ')).toEqual(['bash', 'fish', 'zsh']);
    expect(await fish('imsvault token --min-ttl ')).toEqual([]);
    const cwd = await tempFolder();
    writeFileSync(join(cwd, 'my.yaml'), '');
    expect(await fish('imsvault --config m', cwd)).toEqual(['my.yaml']);
    expect(await fish('imsvault exec --env X -- bas', cwd)).toContain('bash');
    expect(await fish('imsvault exec -- cat m', cwd)).toEqual(['my.yaml']);
  });
});

describe('zsh completion', () => {
  /** Types the line and Tab into a zsh on a terminal of its own, and gives what is on the line then. */
  async function zsh(line: string, cwd?: string): Promise<string> {
    const command = findBinary('zsh', 'IMSVAULT_TEST_ZSH_BIN', 'run: apt-get install zsh');
    const home = await tempFolder();
    mkdirSync(join(home, 'functions'));
    writeFileSync(join(home, 'functions', '_imsvault'), await script('zsh'));
    writeFileSync(
      join(home, '.zshrc'),
      `fpath=(${home}/functions $fpath)
autoload -Uz compinit && compinit -u -D
LISTMAX=1000
show() { print -r -- "<<$BUFFER>>"; exit }
zle -N show
bindkey '^X' show
bindkey '^I' complete-word
PS1='ready>'
`,
    );
    const drive = `zmodload zsh/zpty
zpty shell zsh -i
zpty -r shell seen '*ready>*' || exit 1
zpty -w -n shell "$1"$'\\t'
zpty -w -n shell $'\\x18'
zpty -r shell seen '*>>*'
print -r -- $seen`;
    const seen = execFileSync(command, ['-f', '-c', drive, 'zsh', line], {
      encoding: 'utf8',
      cwd: cwd ?? home,
      timeout: 20_000,
      env: { PATH: process.env.PATH, ZDOTDIR: home, HOME: home, TERM: 'dumb' },
    });
    return /<<(.*)>>/.exec(seen)?.[1] ?? seen;
  }

  it('completes commands, options, values, files, and the words of another program', async () => {
    expect(await zsh('imsvault tok')).toBe('imsvault token ');
    expect(await zsh('imsvault --profile token ex')).toBe('imsvault --profile token exec ');
    expect(await zsh('imsvault config val')).toBe('imsvault config validate ');
    expect(await zsh('imsvault token --min')).toBe('imsvault token --min-ttl ');
    expect(await zsh('imsvault token -o js')).toBe('imsvault token -o json ');
    expect(await zsh('imsvault token --output=he')).toBe('imsvault token --output=header ');
    expect(await zsh('imsvault completion fi')).toBe('imsvault completion fish ');
    const cwd = await tempFolder();
    writeFileSync(join(cwd, 'my.yaml'), '');
    expect(await zsh('imsvault --config m', cwd)).toBe('imsvault --config my.yaml ');
    expect(await zsh('imsvault exec -- cat m', cwd)).toBe('imsvault exec -- cat my.yaml ');
  });
});
