import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CallFacts, callDigest, factsHold, recordFacts, stampOf } from '../../../src/token/cache/facts.js';
import { tempFolder } from '../../config/support.js';

const SALT = 'salt';
const call = (env: CallFacts['env']): CallFacts => ({
  ...{ version: '1', uid: 1000, config: 'file:/x', profile: undefined, set: [], env },
});

describe('the facts that a cached token depends on', () => {
  it('name a call by its variables, in whatever order they stand, and without those that are not set', () => {
    const digest = callDigest(call({ AWS_PROFILE: 'a', VAULT_ADDR: 'b' }), SALT);
    expect(callDigest(call({ VAULT_ADDR: 'b', AWS_PROFILE: 'a', BAO_ADDR: undefined, OTHER: 'x' }), SALT)).toBe(digest);
    expect(callDigest(call({ AWS_PROFILE: 'b', VAULT_ADDR: 'a' }), SALT)).not.toBe(digest);
    expect(callDigest(call({ AWS_PROFILE: 'a', VAULT_ADDR: 'b' }), 'other')).not.toBe(digest);
  });

  it('are the other variables that were read, by a digest alone', () => {
    const { env } = recordFacts(['OWN', 'AWS_PROFILE', 'GONE'], [], { OWN: 'secret', AWS_PROFILE: 'a' }, SALT);
    expect(env).toEqual([
      ['OWN', expect.stringMatching(/^[0-9a-f]{64}$/)],
      ['GONE', null],
    ]);
  });

  it('hold until one of several variables or files is another', async () => {
    const [one, two] = [join(await tempFolder(), 'one'), join(await tempFolder(), 'two')];
    await writeFile(one, '1');
    const files = [one, two].map((file) => [file, stampOf(file)] as const);
    const facts = recordFacts(['A', 'B'], files, { A: 'a', B: 'b' }, SALT);
    expect(factsHold(facts, { A: 'a', B: 'b' }, SALT)).toBe(true);
    for (const env of [{ A: 'a', B: 'x' }, { A: 'x', B: 'b' }, { A: 'a' }])
      expect(factsHold(facts, env, SALT)).toBe(false);
    await writeFile(two, '2');
    expect(factsHold(facts, { A: 'a', B: 'b' }, SALT)).toBe(false);
  });

  it('see each write to a file, and another in its place; nothing and a folder are the same', async () => {
    const folder = await tempFolder();
    const file = join(folder, 'file');
    expect(stampOf(file)).toBeNull();
    expect(stampOf(folder)).toBeNull();
    await writeFile(file, 'a');
    const first = stampOf(file);
    expect(first).toMatch(/^\d+(:\d+){4}$/);
    expect(stampOf(file)).toBe(first);
    await writeFile(join(folder, 'next'), 'a');
    await rename(join(folder, 'next'), file);
    const second = stampOf(file);
    expect(second).not.toBe(first);
    await writeFile(file, 'bc');
    expect(stampOf(file)).not.toBe(second);
    await mkdir(join(folder, 'below'));
    expect(stampOf(join(folder, 'below'))).toBeNull();
  });
});
