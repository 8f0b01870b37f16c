import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCachePlace, readCachedToken } from '../../../src/token/cache/token-file.js';
import { fakeToken } from '../../support/fake-token.js';
import { bootOf, machine, UID } from './fixture.js';

describe.skipIf(process.platform === 'win32')('the place of a call’s token', () => {
  async function fixture() {
    const made = await machine();
    const facts = { version: '1', uid: UID, config: 'file:/x', profile: undefined, set: [], env: made.env };
    return { ...made, facts };
  }

  it('is found by a process that does not make it', async () => {
    const { clock, env, facts, folder, open } = await fixture();
    expect(findCachePlace(facts)).toBeUndefined();
    const cache = await open();
    const place = findCachePlace(facts);
    if (place === undefined) return expect.unreachable('there is no place');
    expect(place).toMatchObject({ folder, uid: UID, file: expect.stringMatching(/\/[0-9a-f]{32}\.json$/) });
    expect(readCachedToken(place, env, clock.now(), bootOf(clock)())).toStrictEqual({});
    const token = fakeToken(clock.now(), 3600);
    await cache.write(token);
    const found = readCachedToken(place, env, clock.now(), bootOf(clock)());
    expect(found.cached?.token.accessToken).toBe(token.accessToken);
    expect(readCachedToken(place, env, clock.now() + 7_200_000, bootOf(clock)())).toStrictEqual({});
  });

  it('is nowhere without a folder, and with a salt that is none', async () => {
    const { facts, folder, open } = await fixture();
    await open();
    expect(findCachePlace({ ...facts, env: {} })).toBeUndefined();
    await writeFile(join(folder, 'salt'), 'short');
    expect(findCachePlace(facts)).toBeUndefined();
  });
});
