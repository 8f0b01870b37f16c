import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProfileSet } from '../../src/agent/profile-set.js';
import { systemClock } from '../../src/clock.js';
import { loadConfig } from '../../src/config/load-config.js';
import type { TokenEvent } from '../../src/index.js';
import { CLIENT_ID, CLIENT_SECRET, emulated } from '../cli/support.js';
import { failure, tempFolder } from '../config/support.js';
import { createManualClock, settle } from '../support/manual-clock.js';
import { cleanUps, until } from '../testing/over-http.js';

/** A store that counts how often it is opened and closed, and how many clients are open at once. */
const STORE = `
export const seen = { opened: 0, closed: 0 };
globalThis.storeSeen = seen;
export default {
  name: 'counting',
  options: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } },
  refOptions: ['path'],
  createProvider: ({ host }) => {
    seen.opened++;
    return {
      name: 'counting',
      describe: () => 'a secret',
      readSecret: async () => ({ value: globalThis.wrap('${JSON.stringify({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET })}'), id: '1' }),
      close: async () => {
        if (host === 'broken') throw Object.assign(new Error('no'), { code: 'EPIPE' });
        seen.closed++;
      },
    };
  },
};
`;

async function setUp() {
  const { redact } = await import('../../src/redacted.js');
  (globalThis as Record<string, unknown>).wrap = redact;
  const { emulator } = await emulated();
  const cwd = await tempFolder();
  writeFileSync(join(cwd, 'store.mjs'), STORE);
  const events: [string, TokenEvent['type']][] = [];
  const warnings: string[] = [];
  const set = createProfileSet({
    env: {},
    clock: systemClock,
    random: Math.random,
    onEvent: (name, { type }) => events.push([name, type]),
    warn: (message) => warnings.push(message),
  });
  cleanUps.push(() => set.close());
  const load = (profiles: object) => loadConfig({ config: { profiles }, env: {}, cwd });
  const profile = (path: string, more: object = {}) => ({
    ims: { tokenEndpoint: emulator.tokenEndpoint },
    credentials: { provider: './store.mjs', path, ...more },
  });
  const seen = () => (globalThis as unknown as { storeSeen: { opened: number; closed: number } }).storeSeen;
  return { emulator, set, load, profile, seen, events, warnings };
}

describe('a set of profiles', () => {
  it('shares the clients of stores, and closes one with its last profile', async () => {
    const { set, load, profile, seen, events, emulator } = await setUp();
    await set.apply(await load({ a: profile('a'), b: profile('b'), c: profile('c', { host: 'other' }) }));
    for (const name of set.current.names) await set.current.get(name)?.getToken();
    expect(seen()).toEqual({ opened: 2, closed: 0 });
    expect(emulator.exchanges).toBe(3);
    expect(events).toContainEqual(['b', 'renewed']);

    const kept = set.current.get('a');
    expect(await set.apply(await load({ a: profile('a') }))).toEqual({ kept: ['a'], opened: [], closed: ['b', 'c'] });
    expect(set.current.get('a')).toBe(kept);
    expect(set.current.get('b')).toBeUndefined();
    await until(() => seen().closed === 1);
    await set.close();
    expect(seen()).toEqual({ opened: 2, closed: 2 });
  });

  it('opens a profile anew whose secret options changed, and lets a request under way end', async () => {
    const { set, load, profile, emulator, seen } = await setUp();
    await set.apply(await load({ a: profile('a') }));
    const old = set.current.get('a');
    emulator.fail({ kind: 'latency', ms: 3000 }, 1);
    const asked = old?.getToken();
    // The slow answer must be this one's, and last longer than what follows on a busy machine.
    await until(() => emulator.requests.length === 1);
    expect(await set.apply(await load({ a: profile('a', { login: 'x' }) }))).toEqual({
      kept: [],
      opened: ['a'],
      closed: ['a'],
    });
    const next = await set.current.get('a')?.getToken();
    expect(seen().closed).toBe(0);
    expect((await asked)?.accessToken).not.toBe(next?.accessToken);
    await until(() => seen().closed === 1);
    await expect(old?.getToken()).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(seen().opened).toBe(2);
  });

  it('closes with itself the profiles that only end their requests', async () => {
    const { set, load, profile, seen } = await setUp();
    await set.apply(await load({ a: profile('a', { host: 'one' }) }));
    const old = set.current.get('a');
    await old?.getToken();
    await set.apply(await load({ a: profile('a', { host: 'two' }) }));
    await set.current.get('a')?.getToken();
    await set.close();
    expect(seen()).toEqual({ opened: 2, closed: 2 });
    await expect(old?.getToken()).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });

  it('says so where a store cannot be closed, and closes the rest', async () => {
    const { set, load, profile, seen, warnings } = await setUp();
    await set.apply(await load({ a: profile('a', { host: 'broken' }), b: profile('b') }));
    for (const name of set.current.names) await set.current.get(name)?.getToken();
    await set.close();
    expect(seen()).toEqual({ opened: 2, closed: 1 });
    expect(warnings).toEqual(['profile a: it was not closed well (EPIPE)']);
  });

  it('takes nothing over of a config of which one profile cannot be opened', async () => {
    const { set, load, profile, seen } = await setUp();
    await set.apply(await load({ a: profile('a') }));
    const before = set.current;
    const bad = { ims: { caFile: './nowhere.pem' }, credentials: { provider: 'env' } };
    const { problems } = await failure(set.apply(await load({ a: profile('b'), x: bad, y: bad })));
    expect(problems.map(({ path }) => path)).toEqual(['profiles.x.ims.caFile', 'profiles.y.ims.caFile']);
    expect(set.current).toBe(before);
    await set.current.get('a')?.getToken();
    expect(seen().opened).toBe(1);
  });
});

describe('first tokens', () => {
  it('are fetched a few at a time, and those that failed again, ever later', async () => {
    const { createFirstTokens } = await import('../../src/agent/first-tokens.js');
    const { createLimit } = await import('../../src/agent/limit.js');
    const clock = createManualClock();
    let running = 0;
    let most = 0;
    const calls: number[] = [];
    let failing = true;
    const provider = (index: number) =>
      ({
        getToken: async () => {
          most = Math.max(most, ++running);
          calls.push(index);
          await settle();
          running--;
          if (index === 0 && failing) throw new Error('not now');
        },
        status: () => ({}),
      }) as never;
    const firstTokens = createFirstTokens({ clock, random: () => 0.5, limit: createLimit(4) });
    const ends = Array.from({ length: 20 }, (_, index) => firstTokens.fetch(provider(index)));
    await until(() => calls.length === 20 && running === 0);
    expect(most).toBe(4);
    await settle();
    const countAt = async (ms: number) => {
      await clock.advance(ms);
      await until(() => running === 0);
      await settle();
      return calls.length - 20;
    };
    // 0.75 of 1, 2, 4 s.
    expect([await countAt(749), await countAt(1), await countAt(1499), await countAt(1)]).toEqual([0, 1, 1, 2]);
    failing = false;
    expect(await countAt(3000)).toBe(3);
    expect(await countAt(600_000)).toBe(3);
    for (const end of ends) end();
    expect(clock.pending).toBe(0);
  });
});
