import { describe, expect, it, vi } from 'vitest';
import { AccessToken } from '../../src/access-token.js';
import { ImsvaultError, TokenRequestRejectedError } from '../../src/errors.js';
import type { HttpClient, HttpResponse } from '../../src/net/http-client.js';
import { reveal } from '../../src/redacted.js';
import { createSecretsApi } from '../../src/rotate/secrets-api.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock } from '../support/manual-clock.js';
import { CLIENT_ID, createWorld, expectFinished, OLD, type World } from './world.js';

const TEXT = JSON.stringify({ client_id: CLIENT_ID, client_secret: OLD, note: 'kept' });
const rejection = () => new TokenRequestRejectedError('rejected', { error: 'invalid_client', status: 400 });

/** Lets waiting runs go on. */
async function passing<T>(world: World, ms: number, running: Promise<T>): Promise<T> {
  let settled = false;
  const done = running.finally(() => {
    settled = true;
  });
  done.catch(() => undefined);
  for (let passed = 0; passed < ms && !settled; passed += 1000) await world.clock.advance(1000);
  expect(settled, 'it still waits').toBe(true);
  return done;
}

describe('a rotation', () => {
  it('adds, stores, exchanges, deletes, and leaves nothing behind; again is another one', async () => {
    const world = createWorld(TEXT);
    const said: string[] = [];
    const first = await world.run({ report: (step) => said.push(step) });
    expectFinished(world);
    expect(JSON.parse(world.current())).toEqual({
      client_id: CLIENT_ID,
      client_secret: world.emulator.clientSecrets(CLIENT_ID)[0]?.clientSecret,
      note: 'kept',
    });
    expect(said).toEqual([
      `added the client secret ${first.newUuid}`,
      'exchanged with the new client secret',
      'made it the one in use in the secret',
      `deleted the old client secret ${first.oldUuid}`,
    ]);
    const second = await world.run();
    expect(second.oldUuid).toBe(first.newUuid);
    expect(world.deleted).toHaveLength(2);
    expectFinished(world);
    expectNoSecrets([first, second, said], [OLD, ...world.deleted.map(({ clientSecret }) => clientSecret)]);
  });

  it('works in a store without compare-and-swap', async () => {
    const world = createWorld(TEXT, { compareAndSwap: false });
    await world.run();
    expectFinished(world);
  });

  it('changes nothing with dryRun or without a yes', async () => {
    const world = createWorld(TEXT);
    const { steps, oldUuid, newUuid } = await world.run({ dryRun: true });
    expect(steps).toHaveLength(4);
    expect(steps[3]).toContain(oldUuid);
    expect(newUuid).toBeUndefined();
    const confirm = vi.fn(async () => false);
    await expect(world.run({ confirm })).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(confirm).toHaveBeenCalledWith(steps);
    expect(world.versions).toEqual([TEXT]);
    expect(world.emulator.clientSecrets(CLIENT_ID)).toHaveLength(1);
  });

  it('keeps the old secret in use and at Adobe when the exchange with the new one fails, and goes on later', async () => {
    const world = createWorld(TEXT);
    const failing = world.run({ exchange: () => Promise.reject(rejection()) });
    const error = await passing(world, 200_000, failing).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'ERR_TOKEN_REQUEST_REJECTED',
      message: expect.stringContaining('the old one stays in use'),
      hint: expect.stringContaining('Run this again'),
    });
    expect(world.credential().clientSecrets.map(reveal)).toEqual([OLD]);
    expect(world.deleted).toEqual([]);
    const added = world.emulator.clientSecrets(CLIENT_ID).map(({ uuid }) => uuid)[1];
    expect(await world.run()).toMatchObject({ resumed: true, newUuid: added });
    expectFinished(world);
  });

  it('gives a new secret time until IMS knows it', async () => {
    const world = createWorld(TEXT);
    let tries = 0;
    const exchange = async () => {
      tries++;
      if (tries < 4) throw rejection();
    };
    await passing(world, 200_000, world.run({ exchange }));
    expect(tries).toBe(4);
    expectFinished(world);
  });

  it('begins anew where the new secret was deleted at Adobe meanwhile', async () => {
    const world = createWorld(TEXT);
    await world
      .run({ exchange: () => Promise.reject(new ImsvaultError('ERR_TOKEN_RESPONSE_INVALID', 'x')) })
      .catch(() => undefined);
    world.emulator.setClientSecrets(CLIENT_ID, [OLD]);
    expect(await world.run()).toMatchObject({ resumed: false });
    expectFinished(world);
  });

  it('waits, where asked to, until Adobe shows a use by others: its own exchanges are none', async () => {
    const world = createWorld(TEXT);
    const { emulator } = world;
    await expect(passing(world, 60_000, world.run({ waitMs: 30_000 }))).rejects.toMatchObject({
      code: 'ERR_ROTATION_UNAVAILABLE',
      retryable: true,
      hint: expect.stringContaining('the old one was not deleted'),
    });
    expect(emulator.clientSecrets(CLIENT_ID)).toHaveLength(2);
    expect(world.credential().clientSecrets).toHaveLength(2);

    const waiting = world.run({ waitMs: 3_600_000 });
    waiting.catch(() => undefined);
    await world.clock.advance(60_000);
    expect(emulator.clientSecrets(CLIENT_ID)).toHaveLength(2);
    const [secret] = world.credential().clientSecrets;
    const form = {
      grant_type: 'client_credentials',
      client_id: CLIENT_ID,
      client_secret: reveal(secret),
      scope: 'openid',
    };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    emulator.handle({ method: 'POST', path: '/ims/token/v3', headers, body: new URLSearchParams(form).toString() });
    expect(await passing(world, 20_000, waiting)).toMatchObject({ resumed: true });
    expectFinished(world);
  });

  it('stores what it added even when it is stopped right then, and stops', async () => {
    const world = createWorld(TEXT);
    const controller = new AbortController();
    const at = (point: string) => {
      if (point.startsWith('after POST /console')) controller.abort(new Error('stopped'));
    };
    await expect(world.run({ signal: controller.signal }, { points: [], at })).rejects.toThrow('stopped');
    expect(world.current()).toContain('"step":"added"');
    const { newUuid, orphanUuid } = await world.run();
    expect(orphanUuid).toBeUndefined();
    expect(newUuid).toBeDefined();
    expectFinished(world);
  });

  it.each(['after POST /console', 'before write'])(
    'that was taken for interrupted, and comes back %s, stops: what it added is deleted, and the other goes on',
    async (where) => {
      const world = createWorld(TEXT);
      const points: string[] = [];
      let other: Promise<{ orphanUuid?: string }> | undefined;
      const at = async (point: string) => {
        const isHere = point.startsWith(where) && points.some((each) => each.startsWith('after POST /console'));
        if (!isHere || other !== undefined) return;
        other = world.run();
        await other;
      };
      await expect(world.run({}, { points, at })).rejects.toMatchObject({ code: 'ERR_SECRET_VERSION_CONFLICT' });
      expect((await other)?.orphanUuid).toBeDefined();
      expectFinished(world);
      expect(world.isStoreUsable()).toBe(true);
    },
  );

  it('goes on where a write took place and its answer was lost, and keeps what others wrote meanwhile', async () => {
    for (let lost = 1; lost <= 4; lost++) {
      const world = createWorld(TEXT);
      let writes = 0;
      const at = (point: string) => {
        if (point === 'before write' && ++writes === lost) {
          world.versions.push(JSON.stringify({ ...JSON.parse(world.current()), note: 'changed' }));
        }
        if (point === 'after write' && writes === lost + 1) throw new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'lost');
      };
      await world.run({}, { points: [], at });
      expectFinished(world);
      expect(JSON.parse(world.current())).toMatchObject({ note: 'changed' });
      expect(world.deleted.map(({ clientSecret }) => clientSecret)).toEqual([OLD]);
    }
  });

  it.each([undefined, 9, 11])(
    'ends well where its write took place, and another run went on from there (%s)',
    async (killed) => {
      const world = createWorld(TEXT);
      let writes = 0;
      const at = async (point: string) => {
        if (point !== 'after write' || ++writes !== 2) return;
        if (killed === undefined) await world.run();
        else await world.killedAt(killed);
        throw new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'lost');
      };
      await world.run({}, { points: [], at });
      expectFinished(world);
      expect(world.deleted.map(({ clientSecret }) => clientSecret)).toEqual([OLD]);
    },
  );

  it('tries a write once that the store does not allow, and adds nothing at Adobe', async () => {
    const world = createWorld(TEXT);
    const points: string[] = [];
    const at = (point: string) => {
      if (point === 'before write') throw new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no');
    };
    await expect(world.run({}, { points, at })).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
    expect(points.filter((point) => point === 'before write')).toHaveLength(1);
    expect(world.emulator.clientSecrets(CLIENT_ID)).toHaveLength(1);
  });

  it('deletes no left-over secret but the one that was confirmed', async () => {
    const world = createWorld(TEXT);
    await world.killedAt(5);
    expect(world.current()).toContain('"step":"adding"');
    const confirm = async () => {
      world.emulator.setClientSecrets(CLIENT_ID, [OLD, 'p8e-late']);
      return true;
    };
    await expect(world.run({ confirm })).rejects.toMatchObject({ code: 'ERR_SECRET_VERSION_CONFLICT' });
    expect(world.deleted).toEqual([]);
  });

  it('does not delete the old secret when somebody has put it back', async () => {
    const world = createWorld(JSON.stringify({ client_id: CLIENT_ID, client_secrets: [OLD] }));
    await expect(passing(world, 10_000, world.run({ waitMs: 1000 }))).rejects.toMatchObject({
      code: 'ERR_ROTATION_UNAVAILABLE',
    });
    world.versions.push(JSON.stringify({ ...JSON.parse(world.current()), client_secrets: [OLD] }));
    await expect(world.run()).rejects.toMatchObject({ code: 'ERR_ROTATION_REFUSED' });
    expect(world.deleted).toEqual([]);
  });

  it('does not delete the old secret when the new one is not at Adobe any more', async () => {
    const world = createWorld(TEXT);
    const report = (step: string) => {
      if (!step.startsWith('made it')) return;
      world.interference.happened = true;
      world.emulator.setClientSecrets(CLIENT_ID, [OLD]);
    };
    await expect(world.run({ report })).rejects.toMatchObject({ code: 'ERR_ROTATION_REFUSED' });
    expect(world.emulator.clientSecrets(CLIENT_ID).map(({ clientSecret }) => clientSecret)).toEqual([OLD]);
    // The second of the list gets the token for the next run, which adds another.
    await world.run();
    expectFinished(world);
  });

  it.each<[string, (world: World) => unknown, string]>([
    [
      'two secrets of which none is its own',
      ({ emulator }) => emulator.setClientSecrets(CLIENT_ID, [OLD, 'p8e-other']),
      'has 2 client secrets',
    ],
    [
      'a credential of another client',
      ({ versions }) => versions.push(JSON.stringify({ client_id: 'other', client_secret: OLD })),
      'belongs to the client',
    ],
  ])('refuses %s, before anything is done', async (_name, arrange, message) => {
    const world = createWorld(TEXT);
    arrange(world);
    const { length } = world.versions;
    const error: unknown = await world.run().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_ROTATION_REFUSED', message: expect.stringContaining(message) });
    expect(world.versions).toHaveLength(length);
    expect(world.deleted).toEqual([]);
  });
});

describe("Adobe's API", () => {
  function apiTo(...answers: (Partial<HttpResponse> | Error)[]) {
    const requests: { method: string; url: string; headers: Record<string, string> | undefined; body: unknown }[] = [];
    const http: HttpClient = {
      async request({ method, url, headers, body }) {
        requests.push({ method, url, headers, body });
        const answer = answers[Math.min(requests.length, answers.length) - 1];
        if (answer instanceof Error) throw answer;
        return { status: 200, headers: {}, body: Buffer.alloc(0), ...answer };
      },
      connectAhead: async () => undefined,
      close: async () => undefined,
    };
    const clock = createManualClock();
    const token = new AccessToken({
      accessToken: 'management-token',
      tokenType: 'bearer',
      expiresAt: 1,
      issuedAt: 0,
      scope: [],
      clientId: 'the-client',
    });
    const api = createSecretsApi({
      http,
      endpoint: 'https://api.adobe.io',
      orgId: '12',
      credentialId: '34',
      token: async () => token,
      clock,
      random: () => 0,
    });
    return { api, requests, clock };
  }
  const { signal } = new AbortController();
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));

  it('is asked as documented', async () => {
    const { api, requests } = apiTo(
      {
        headers: { date: 'Tue, 01 Jan 2030 00:00:00 GMT' },
        body: json({
          client_id: 'c',
          client_secrets: [
            { uuid: 'a', created_at: '1700000000000', expires_at: 'PERMANENT', secret_usages: null },
            {
              uuid: 'b',
              created_at: 'nonsense',
              secret_usages: [
                { last_used_at: '1700000000001', grant_type: 'client_credentials' },
                { last_used_at: '3' },
              ],
            },
          ],
        }),
      },
      { status: 201, body: json({ uuid: 'n', client_secret: 'p8e-new' }) },
      { status: 204 },
    );
    expect(await api.list(signal)).toEqual({
      clientId: 'c',
      serverNow: Date.UTC(2030, 0, 1),
      tokenIssuedAt: 0,
      secrets: [
        { uuid: 'a', createdAt: 1_700_000_000_000, isUsed: false, lastUsedAt: undefined },
        { uuid: 'b', createdAt: undefined, isUsed: true, lastUsedAt: 1_700_000_000_001 },
      ],
    });
    const added = await api.add(signal);
    expect(reveal(added.clientSecret)).toBe('p8e-new');
    await api.remove('a', signal);
    const url = 'https://api.adobe.io/console/organizations/12/credentials/34/secrets';
    expect(requests.map(({ method, url }) => [method, url])).toEqual([
      ['GET', url],
      ['POST', url],
      ['DELETE', `${url}/a`],
    ]);
    expect(requests[1]?.body).toBeUndefined();
    expect(requests[1]?.headers).toMatchObject({ authorization: 'Bearer management-token', 'x-api-key': 'the-client' });
  });

  it.each([
    [401, 'ERR_ROTATION_REFUSED', 'rotation.scope'],
    [403, 'ERR_ROTATION_REFUSED', 'I/O Management API'],
    [404, 'ERR_ROTATION_REFUSED', 'rotation.orgId'],
    [400, 'ERR_ROTATION_REFUSED', 'at most two'],
    [429, 'ERR_ROTATION_UNAVAILABLE', 'again later'],
    [503, 'ERR_ROTATION_UNAVAILABLE', 'again later'],
  ])('that answers %i to a POST is %s, and is asked once', async (status, code, hint) => {
    const { api, requests } = apiTo({
      status,
      headers: { 'retry-after': '7' },
      body: json({ error_code: '403003', message: 'management-token' }),
    });
    const error: unknown = await api.add(signal).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code,
      hint: expect.stringContaining(hint),
      message: expect.stringContaining('error code 403003'),
    });
    expect((error as ImsvaultError).retryAfterMs).toBe(code.endsWith('UNAVAILABLE') ? 7000 : undefined);
    expectNoSecrets(error, ['management-token']);
    expect(requests).toHaveLength(1);
  });

  it('is asked again for a list and a deletion, and what is gone is deleted', async () => {
    const reset = Object.assign(new Error('x'), { code: 'ECONNRESET' });
    const { api, requests, clock } = apiTo(reset, { status: 500 }, { status: 404 });
    const removing = api.remove('a', signal);
    await clock.advance(10_000);
    await removing;
    expect(requests).toHaveLength(3);
  });

  it.each([
    ['HTML', Buffer.from('<html>')],
    ['another shape', json({ client_secrets: [] })],
    ['a uuid that would lead elsewhere', json({ client_id: 'c', client_secrets: [{ uuid: '../x', created_at: '1' }] })],
  ])('is not believed: %s', async (_name, body) => {
    await expect(apiTo({ body }).api.list(signal)).rejects.toMatchObject({ code: 'ERR_ROTATION_REFUSED' });
  });
});
