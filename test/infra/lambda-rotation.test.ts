import { randomUUID } from 'node:crypto';
import { DescribeSecretCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { handler } from '../../infra/lambda/rotation/handler.js';
import { ORPHAN_AGE_MS } from '../../infra/lambda/rotation/steps.js';
import { type Keys, type Moto, startMoto } from '../live/servers/moto.js';
import { awsEnvironment } from '../support/aws/environment.js';
import { expectNoSecrets } from '../support/leaks.js';
import { CLIENT_ID, createRotationWorld, FIRST, Killed, STEPS } from './support/rotation-stand.js';

/** Those of infra/terraform/aws/policies/rotation.json.tftpl, and CreateSecret for the tests' own. */
const ACTIONS = ['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage', 'CreateSecret'];

let moto: Moto;
let keys: Keys;
const worlds: Awaited<ReturnType<typeof createRotationWorld>>[] = [];

beforeAll(async () => {
  moto = await startMoto();
  keys = await moto.createUser(
    'rotator',
    ACTIONS.map((action) => `secretsmanager:${action}`),
  );
});
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
  vi.unstubAllEnvs();
});
afterAll(() => moto?.close());

async function newWorld() {
  const world = await createRotationWorld(moto.endpoint, keys);
  worlds.push(world);
  return world;
}

const settings = (world: Awaited<ReturnType<typeof newWorld>>) => ({
  AWS_REGION: 'eu-west-1',
  AWS_ENDPOINT_URL_SECRETS_MANAGER: moto.endpoint,
  AWS_ACCESS_KEY_ID: keys.accessKeyId,
  AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
  IMSVAULT_ROTATION_SECRET_ARN: world.arn,
  IMSVAULT_ROTATION_ORG_ID: '1000001',
  IMSVAULT_ROTATION_CREDENTIAL_ID: '2000002',
  IMSVAULT_ROTATION_TOKEN_ENDPOINT: world.ims.tokenEndpoint,
  IMSVAULT_ROTATION_API_ENDPOINT: world.ims.url,
});
const context = { getRemainingTimeInMillis: () => 120_000 };

describe('a rotation by Secrets Manager', () => {
  it('puts a new client secret in use, and leaves the old one in force', async () => {
    const world = await newWorld();
    await world.rotate(randomUUID());
    const [old, fresh] = world.atAdobe();
    expect(old).toBe(FIRST);
    expect(await world.document('AWSCURRENT')).toMatchObject({
      client_id: CLIENT_ID,
      client_secret: fresh,
      client_secrets: [fresh, FIRST],
      note: 'kept',
      imsvault_rotation: { step: 'switched' },
    });
    expect(await world.isUsable('AWSPREVIOUS')).toBe(true);
  });

  it('takes each step twice as once', async () => {
    const world = await newWorld();
    for (let rotation = 1; rotation <= 3; rotation++) {
      const token = randomUUID();
      for (const step of STEPS) {
        await world.step(step, token);
        await world.step(step, token);
        expect(await world.isUsable()).toBe(true);
      }
      expect(world.atAdobe()).toHaveLength(2);
    }
    expect(world.reports.filter((line) => line.startsWith('added'))).toHaveLength(3);
    expect(world.reports.filter((line) => line.startsWith('deleted'))).toHaveLength(2);
  });

  it('deletes the old client secret in the next rotation, and keeps the shape of the credential', async () => {
    const world = await newWorld();
    await world.rotate(randomUUID());
    const [, second] = world.atAdobe();
    await world.rotate(randomUUID());
    const [before, now] = world.atAdobe();
    expect(before).toBe(second);
    expect(await world.document('AWSCURRENT')).toMatchObject({ client_secret: now, client_secrets: [now, second] });
    expect(JSON.stringify(await world.document('AWSCURRENT'))).not.toContain(FIRST);
    const state = JSON.stringify(await world.document('IMSVAULT_ROTATION'));
    for (const secret of [FIRST, ...world.atAdobe()]) expect(state).not.toContain(secret);
  });

  it.each(['the same', 'another'])('that is killed at any point is finished by %s token', async (which) => {
    const trial = await newWorld();
    const points: string[] = [];
    for (let rotation = 0; rotation < 2; rotation++) {
      await trial.rotate(randomUUID(), (point) => points.push(point));
    }
    const once = ['put', 'add', 'put', 'makeCurrent'];
    const named = [...once, 'remove', ...once].flatMap((name) => [`before ${name}`, `after ${name}`]);
    expect(points).toEqual(named);
    for (let number = 0; number < points.length; number++) {
      const world = await newWorld();
      let count = 0;
      let token = randomUUID();
      const kill = () => {
        if (count++ === number) throw new Killed();
      };
      await expect(
        (async () => {
          for (let rotation = 0; rotation < 2; rotation++) {
            token = randomUUID();
            await world.rotate(token, kill);
          }
        })(),
      ).rejects.toThrow(Killed);
      const where = `killed at ${number}, ${points[number]}`;
      expect(await world.isUsable(), where).toBe(true);
      expect(world.atAdobe().length, where).toBeLessThanOrEqual(2);
      world.clock.jump(ORPHAN_AGE_MS);
      // Where the first call of another rotation finds a used secret of the one that was given up, people must look.
      const isPendingLost = which === 'another' && ['before makeCurrent'].includes(points[number] ?? '');
      const next = which === 'another' ? randomUUID() : token;
      if (isPendingLost) {
        await expect(world.rotate(next), where).rejects.toThrow(/does not know and somebody has used/);
        expect(await world.isUsable(), where).toBe(true);
        continue;
      }
      await world.rotate(next);
      expect(await world.isUsable(), where).toBe(true);
      const { client_secrets: both } = await world.document('AWSCURRENT');
      expect([...world.atAdobe()].reverse(), where).toEqual(both);
      await world.close();
      worlds.splice(worlds.indexOf(world), 1);
    }
  });

  it('does not take a client secret of a call that may still be running for left over', async () => {
    const world = await newWorld();
    const token = randomUUID();
    const kill = (point: string) => {
      if (point === 'after add') throw new Killed();
    };
    await expect(world.step('createSecret', token, kill)).rejects.toThrow(Killed);
    const listed = world.atAdobe();
    world.clock.jump(ORPHAN_AGE_MS - 1000);
    await expect(world.step('createSecret', token)).rejects.toMatchObject({ code: 'ERR_ROTATION_UNAVAILABLE' });
    expect(world.atAdobe()).toEqual(listed);
    world.clock.jump(2000);
    await world.rotate(token);
    expect(world.atAdobe()).not.toContain(listed[1]);
    expect(await world.isUsable()).toBe(true);
  });

  it('does not make anything current over what somebody put meanwhile', async () => {
    const world = await newWorld();
    const token = randomUUID();
    for (const step of STEPS.slice(0, 3)) await world.step(step, token);
    const byHand = JSON.stringify({ client_id: CLIENT_ID, client_secret: FIRST, note: 'changed' });
    await world.client.send(new PutSecretValueCommand({ SecretId: world.arn, SecretString: byHand }));
    await expect(world.step('finishSecret', token)).rejects.toMatchObject({ code: 'ERR_SECRET_VERSION_CONFLICT' });
    expect(await world.document('AWSCURRENT')).toMatchObject({ note: 'changed' });
  });

  it('makes nothing current that IMS does not accept', async () => {
    const world = await newWorld();
    const token = randomUUID();
    await world.step('createSecret', token);
    world.ims.setClientSecrets(CLIENT_ID, [FIRST]);
    const tested = world.step('testSecret', token);
    tested.catch(() => undefined);
    for (let wait = 0; wait < 5; wait++) {
      await new Promise((done) => setTimeout(done, 100));
      await world.clock.advance(15_000);
    }
    await expect(tested).rejects.toMatchObject({ code: 'ERR_TOKEN_REQUEST_REJECTED' });
    expect(await world.document('AWSCURRENT')).toMatchObject({ client_secret: FIRST });
  });

  it.each([
    ['two client secrets of which none is known', { set: [FIRST, 'another'] }, 'ERR_ROTATION_REFUSED'],
    [
      'a credential of another client',
      { document: { client_id: 'other', client_secret: FIRST } },
      'ERR_TOKEN_REQUEST_REJECTED',
    ],
    [
      'a credential that imsvault rotate is rotating',
      {
        document: {
          client_id: CLIENT_ID,
          client_secret: FIRST,
          imsvault_rotation: {
            step: 'adding',
            run: 'cli',
            started_at: '2030-01-01T00:00:00.000Z',
            known_uuids: ['a'],
            old_uuid: 'a',
          },
        },
      },
      'ERR_SECRET_VERSION_CONFLICT',
    ],
  ])(
    'refuses %s, and changes nothing',
    async (_what, { set, document }: { set?: string[]; document?: object }, code) => {
      const world = await newWorld();
      if (set !== undefined) world.ims.setClientSecrets(CLIENT_ID, set);
      if (document !== undefined) {
        const SecretString = JSON.stringify(document);
        await world.client.send(new PutSecretValueCommand({ SecretId: world.arn, SecretString }));
      }
      const before = world.atAdobe();
      await expect(world.rotate(randomUUID())).rejects.toMatchObject({ code });
      expect(world.atAdobe()).toEqual(before);
    },
  );
});

describe('the handler', () => {
  it('rotates by events, with the rights of its policy, and logs no secret', async () => {
    const world = await newWorld();
    awsEnvironment(settings(world));
    const lines: string[] = [];
    vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
    const token = randomUUID();
    for (const Step of STEPS) await handler({ Step, SecretId: world.arn, ClientRequestToken: token }, context);
    vi.restoreAllMocks();
    expect(await world.isUsable()).toBe(true);
    const { VersionIdsToStages = {} } = await world.client.send(new DescribeSecretCommand({ SecretId: world.arn }));
    expect(VersionIdsToStages[token]).toContain('AWSCURRENT');
    expect(lines.map((line) => (JSON.parse(line) as { step: string }).step)).toEqual([
      'createSecret',
      'testSecret',
      'finishSecret',
    ]);
    expectNoSecrets(lines, [...world.atAdobe(), ...world.ims.issuedTokens()]);
  });

  it('takes the steps of its own secret only', async () => {
    const world = await newWorld();
    awsEnvironment(settings(world));
    const event = { Step: 'createSecret', SecretId: world.arn, ClientRequestToken: randomUUID() };
    for (const wrong of [{ SecretId: `${world.arn}x` }, { Step: 'deleteSecret' }, { ClientRequestToken: '' }]) {
      await expect(handler({ ...event, ...wrong }, context)).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
    }
    expect(world.atAdobe()).toEqual([FIRST]);
  });

  it('names every setting that is wrong', async () => {
    const world = await newWorld();
    awsEnvironment({
      ...settings(world),
      IMSVAULT_ROTATION_ORG_ID: 'ABC@AdobeOrg',
      IMSVAULT_ROTATION_CREDENTIAL_ID: '',
      IMSVAULT_ROTATION_TOKEN_ENDPOINT: 'http://ims.example',
    });
    const event = { Step: 'createSecret', SecretId: world.arn, ClientRequestToken: randomUUID() };
    const problems = await handler(event, context).catch((error: { problems: { path: string }[] }) => error.problems);
    expect((problems as { path: string }[]).map(({ path }) => path)).toEqual([
      'IMSVAULT_ROTATION_ORG_ID',
      'IMSVAULT_ROTATION_CREDENTIAL_ID',
      'IMSVAULT_ROTATION_TOKEN_ENDPOINT',
    ]);
  });
});
