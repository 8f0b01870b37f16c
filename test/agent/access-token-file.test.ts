import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { describe, expect, it } from 'vitest';
import { type AccessTokenFileOptions, readAccessToken } from '../../src/agent/access-token-file.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock } from '../support/manual-clock.js';
import { tempFolder } from './support.js';

const TOKEN = 'A'.repeat(43);
const NEXT = 'B'.repeat(43);

function place(content?: string, mode = 0o600) {
  const path = join(tempFolder(), 'token');
  if (content !== undefined) writeFileSync(path, content, { mode });
  const clock = createManualClock();
  const warnings: string[] = [];
  const read = (options: Partial<AccessTokenFileOptions> = {}) =>
    readAccessToken({ path, clock, warn: (message) => warnings.push(message), ...options });
  return { path, clock, warnings, read };
}
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe('a token file that is not there', () => {
  it('is made, with a token that nobody else can read', () => {
    const { path, read } = place();
    const token = read();
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(/^[\w-]{43}\n$/);
    expect(modeOf(path)).toBe('600');
    expect(token.matches(text.trim())).toBe(true);
    expect(token.matches(text)).toBe(false);
    expect(readdirSync(join(path, '..'))).toEqual(['token']);
    expect(read().matches(text.trim())).toBe(true);
  });

  it('gets the mode and the group that were asked for, whatever the umask', () => {
    const { path, read } = place();
    const gid = statSync(join(path, '..')).gid;
    const before = process.umask(0o077);
    try {
      read({ mode: 0o640, gid });
    } finally {
      process.umask(before);
    }
    expect(modeOf(path)).toBe('640');
    expect(statSync(path).gid).toBe(gid);
  });

  it('differs each time', () => {
    const [a, b] = [place(), place()];
    a.read();
    b.read();
    expect(readFileSync(a.path, 'utf8')).not.toBe(readFileSync(b.path, 'utf8'));
  });

  it('cannot be made in a folder that is not there', () => {
    const { path, read } = place();
    expect(() => read({ path: join(path, 'no', 'token') })).toThrow(/--token-file: .*cannot be made \(ENOENT|ENOTDIR/);
    writeFileSync(path, '');
    expect(() => read({ path: join(path, 'token') })).toThrow(/--token-file: .*cannot be read \(ENOTDIR\)/);
  });
});

describe('a token file that is there', () => {
  it('is left as it is', () => {
    const { path, read } = place(`${TOKEN}\n`);
    expect(read().matches(TOKEN)).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe(`${TOKEN}\n`);
  });

  it.each(['', 'short', `${TOKEN} ${TOKEN}`, `${TOKEN}\n${TOKEN}`, 'ü'.repeat(43), 'A'.repeat(513), 'A'.repeat(5000)])(
    'is refused with the content %j',
    (content) => {
      const { read } = place(content);
      expect(read).toThrow(/holds no token/);
    },
  );

  it('is refused when others may read or write it', () => {
    for (const mode of [0o640, 0o604, 0o620, 0o644, 0o666]) {
      const { path, read } = place(TOKEN);
      chmodSync(path, mode);
      expect(() => read()).toThrow(/has mode 0\d{3}, wider than 0600/);
    }
    const { path, read } = place(TOKEN);
    chmodSync(path, 0o640);
    expect(read({ mode: 0o640 }).matches(TOKEN)).toBe(true);
    expect(() => read({ mode: 0o604 })).toThrow(/wider/);
  });

  it('is refused when it is a link, a folder or a pipe', () => {
    const { path, read } = place(TOKEN);
    const link = `${path}-link`;
    symlinkSync(path, link);
    expect(() => read({ path: link })).toThrow(/is a symbolic link/);
    const folder = `${path}-folder`;
    mkdirSync(folder);
    expect(() => read({ path: folder })).toThrow(/no regular file/);
    symlinkSync(`${path}-nowhere`, `${path}-dangling`);
    expect(() => read({ path: `${path}-dangling` })).toThrow(/is a symbolic link/);
  });

  it.runIf(getuid?.() === 0)('is refused when it is of another user (asked of root only)', () => {
    const { path, read } = place(TOKEN);
    chownSync(path, 12_345, -1);
    expect(() => read()).toThrow(/belongs to user 12345/);
  });

  it('has its token in no error', () => {
    const { path, read } = place(`${TOKEN} x`);
    try {
      read();
      expect.unreachable();
    } catch (error) {
      expectNoSecrets(error, [TOKEN]);
    }
    expect(path).toBeDefined();
  });
});

describe('a rotation', () => {
  it('takes the new token at once, and ends the old one within a second', async () => {
    const { path, clock, read } = place(TOKEN);
    const token = read();
    writeFileSync(`${path}.new`, NEXT, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    expect(token.matches(TOKEN)).toBe(true);
    expect(token.matches(NEXT)).toBe(true);
    expect(token.matches(TOKEN)).toBe(false);

    const another = read();
    writeFileSync(path, TOKEN);
    await clock.advance(1000);
    expect(another.matches(NEXT)).toBe(false);
    expect(another.matches(TOKEN)).toBe(true);
  });

  it('goes on with the last token while the file is gone or unfit, and says so once', async () => {
    const { path, clock, warnings, read } = place(TOKEN);
    const token = read();
    rmSync(path);
    for (let count = 0; count < 3; count++) {
      await clock.advance(1000);
      expect(token.matches(TOKEN)).toBe(true);
    }
    expect(warnings).toEqual([expect.stringMatching(/cannot be read \(ENOENT\).*the last token goes on/)]);
    writeFileSync(path, NEXT, { mode: 0o600 });
    chmodSync(path, 0o644);
    expect(token.matches(NEXT)).toBe(false);
    expect(token.matches(TOKEN)).toBe(true);
    expect(warnings).toHaveLength(2);
    chmodSync(path, 0o600);
    expect(token.matches(NEXT)).toBe(true);
    expectNoSecrets(warnings.join('\n'), [TOKEN, NEXT]);
  });

  it('says once that the file cannot be looked at', () => {
    const { path, warnings, read } = place();
    const folder = `${path}-folder`;
    mkdirSync(folder);
    const file = join(folder, 'token');
    writeFileSync(file, TOKEN, { mode: 0o600 });
    const token = read({ path: file });
    renameSync(folder, `${folder}.old`);
    writeFileSync(folder, '');
    for (let count = 0; count < 3; count++) expect(token.matches(NEXT)).toBe(false);
    expect(warnings).toEqual([expect.stringMatching(/cannot be read \(ENOTDIR\).*the last token goes on/)]);
    rmSync(folder);
    renameSync(`${folder}.old`, folder);
    expect([token.matches(NEXT), token.matches(TOKEN)]).toEqual([false, true]);
    expect(warnings).toHaveLength(1);
  });

  it('takes tokens of another length', () => {
    const { path, read } = place(TOKEN);
    const token = read();
    writeFileSync(path, `${TOKEN}${NEXT}`);
    expect(token.matches(`${TOKEN}${NEXT}`)).toBe(true);
    expect(token.matches(TOKEN)).toBe(false);
    expect(token.matches('')).toBe(false);
  });
});

it('two that make it at once agree', () => {
  const { path, read } = place();
  const first = read();
  const made = readFileSync(path, 'utf8').trim();
  linkSync(path, `${path}.seen`);
  expect(read().matches(made)).toBe(true);
  expect(first.matches(made)).toBe(true);
});
