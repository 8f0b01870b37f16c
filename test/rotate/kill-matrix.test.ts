import { describe, expect, it } from 'vitest';
import { CLIENT_ID, createWorld, expectFinished, OLD, type World } from './world.js';

/** Hundreds of runs each. */
const TIMEOUT_MS = 60_000;

const SHAPES: readonly [string, string][] = [
  ['a text', JSON.stringify({ client_id: CLIENT_ID, client_secret: OLD, note: 'kept' })],
  ['a list', JSON.stringify({ CLIENT_ID, CLIENT_SECRETS: [OLD], SCOPES: ['openid'] })],
  ['both', JSON.stringify({ client_id: CLIENT_ID, client_secret: OLD, client_secrets: [OLD] })],
];

/** The points of a run that nothing stops. */
async function pointsOf(world: World): Promise<string[]> {
  const points: string[] = [];
  await world.run({}, { points, at: () => undefined });
  return points;
}

describe.each(SHAPES)('a rotation of a secret with %s', { timeout: TIMEOUT_MS }, (_name, initial) => {
  it('that is killed at any point is finished by the next run', async () => {
    const points = await pointsOf(createWorld(initial));
    const secrets = '/console/organizations/1/credentials/2/secrets';
    expect(points.filter((point) => point.startsWith('before ')).map((point) => point.slice('before '.length))).toEqual(
      [
        'POST /ims/token/v3',
        `GET ${secrets}`,
        'write',
        `POST ${secrets}`,
        'write',
        'POST /ims/token/v3',
        'write',
        `GET ${secrets}`,
        `DELETE ${secrets}/…`,
        'write',
      ],
    );
    for (let number = 0; number < points.length; number++) {
      const world = createWorld(initial);
      const reached = await world.killedAt(number);
      const where = `killed at ${number}, ${reached.at(-1)}`;
      expect(reached).toHaveLength(number + 1);
      expect(world.isStoreUsable(), where).toBe(true);
      const { length: writes } = reached.filter((point) => point === 'after write');
      const isValueLost = reached.includes(`after POST ${secrets}`) && writes === 1;
      world.clock.jump(60_000);
      const { resumed, orphanUuid } = await world.run();
      expectFinished(world);
      expect(resumed, where).toBe(writes > 0 && writes < 4);
      expect(orphanUuid !== undefined, where).toBe(isValueLost);
      // A run that was killed after its last write had come to its end: the next one is another rotation.
      const expected = [OLD, ...(writes === 4 ? [expect.any(String)] : [])];
      const used = world.deleted.filter(({ lastUsedAt }) => lastUsedAt !== undefined);
      expect(
        used.map(({ clientSecret }) => clientSecret),
        where,
      ).toEqual(expected);
      const unused = world.deleted.filter(({ lastUsedAt }) => lastUsedAt === undefined);
      expect(
        unused.map(({ uuid }) => uuid),
        where,
      ).toEqual(isValueLost ? [orphanUuid] : []);
    }
  });

  it('that is killed twice, at any two points, is finished by the third run', async () => {
    const { length } = await pointsOf(createWorld(initial));
    for (let first = 0; first < length - 1; first++) {
      for (let second = 0; second < length + 4; second++) {
        const world = createWorld(initial);
        await world.killedAt(first);
        await world.killedAt(second);
        expect(world.isStoreUsable()).toBe(true);
        await world.run();
        expectFinished(world);
      }
    }
  });
});

describe('a rotation that was killed, and a secret that somebody else added meanwhile', () => {
  it('never deletes one that was used, whatever the point', async () => {
    const initial = SHAPES[0]?.[1] as string;
    const { length } = await pointsOf(createWorld(initial));
    for (let number = 0; number < length; number++) {
      const world = createWorld(initial);
      await world.killedAt(number);
      const secrets = world.emulator.clientSecrets(CLIENT_ID).map(({ clientSecret }) => clientSecret);
      if (secrets.length === 2) continue;
      world.emulator.setClientSecrets(CLIENT_ID, [...secrets, 'p8e-foreign']);
      const form = {
        grant_type: 'client_credentials',
        client_id: CLIENT_ID,
        client_secret: 'p8e-foreign',
        scope: 'openid',
      };
      world.emulator.handle({
        method: 'POST',
        path: '/ims/token/v3',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(form).toString(),
      });
      const outcome = await world.run().then(
        () => 'finished',
        (error: { code?: string }) => error.code,
      );
      const left = world.emulator.clientSecrets(CLIENT_ID).map(({ clientSecret }) => clientSecret);
      expect(left, `killed at ${number}: ${outcome}`).toContain('p8e-foreign');
      expect(['finished', 'ERR_ROTATION_REFUSED']).toContain(outcome);
      expect(world.isStoreUsable()).toBe(true);
    }
  });
});

describe('two rotations at once', { timeout: TIMEOUT_MS }, () => {
  it('leave a working store, and no secret that the next run would not clear up', async () => {
    const outcomes = new Set<string>();
    const { length } = await pointsOf(createWorld(SHAPES[0]?.[1] as string));
    for (let seed = 1; seed <= 150; seed++) {
      const world = createWorld(SHAPES[0]?.[1] as string);
      let state = seed;
      /** Park and Miller's generator: the order is the seed's. */
      const random = () => {
        state = (state * 48_271) % 2_147_483_647;
        return state / 2_147_483_647;
      };
      const at = async () => {
        for (let turns = Math.floor(random() * 6); turns > 0; turns--) await new Promise((done) => setImmediate(done));
      };
      if (seed % 3 > 0) await world.killedAt(seed % length);
      const results = await Promise.allSettled([0, 1].map(() => world.run({}, { points: [], at })));
      for (const result of results) {
        outcomes.add(
          result.status === 'fulfilled' ? 'done' : ((result.reason as { code?: string }).code ?? String(result.reason)),
        );
      }
      expect(world.isStoreUsable(), `seed ${seed}`).toBe(true);
      await world.run();
      expectFinished(world);
      expect(world.isStoreUsable(), `seed ${seed}`).toBe(true);
    }
    expect([...outcomes].sort()).toEqual(['ERR_ROTATION_REFUSED', 'ERR_SECRET_VERSION_CONFLICT', 'done']);
  });
});
