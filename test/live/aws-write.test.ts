import { randomUUID } from 'node:crypto';
import {
  DeleteSecretCommand,
  DescribeSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import aws from '../../providers/aws-secrets-manager/index.js';
import type { ImsvaultError } from '../../src/errors.js';
import { redact, reveal } from '../../src/redacted.js';
import { awsEnvironment } from '../support/aws/environment.js';
import { expectNoSecrets } from '../support/leaks.js';
import { testContext } from '../support/provider-context.js';
import { type AwsLimitsProxy, startAwsLimitsProxy } from './servers/aws-limits-proxy.js';
import { type Moto, startMoto } from './servers/moto.js';

const { IMSVAULT_TEST_AWS_ENDPOINT: namedEndpoint, IMSVAULT_TEST_AWS_REGION: namedRegion } = process.env;
const isNamed = namedEndpoint !== undefined || namedRegion !== undefined;

const READ = 'secretsmanager:GetSecretValue';
const PUT = 'secretsmanager:PutSecretValue';
const MOVE = 'secretsmanager:UpdateSecretVersionStage';
const DESCRIBE = 'secretsmanager:DescribeSecret';
const ALL = [READ, PUT, MOVE, DESCRIBE, 'secretsmanager:CreateSecret', 'secretsmanager:TagResource'];
const TOKEN = 'marked-access-token';

/** moto, with IAM in force, behind the quotas of AWS. */
interface Stand {
  moto: Moto;
  proxy: AwsLimitsProxy;
  secrets: string[];
}

let stand: Stand | undefined;
let admin: SecretsManagerClient;
let env: Record<string, string | undefined> = process.env;
const closing: (() => Promise<void> | undefined)[] = [];
const made: string[] = [];

beforeAll(async () => {
  if (!isNamed) {
    const moto = await startMoto();
    const proxy = await startAwsLimitsProxy(moto.port);
    const keys = await moto.createUser('writer', ALL);
    const { accessKeyId, secretAccessKey } = await moto.createUser('admin', ['secretsmanager:*']);
    env = awsEnvironment({ AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey });
    stand = { moto, proxy, secrets: [keys.secretAccessKey, secretAccessKey] };
    const credentials = { accessKeyId, secretAccessKey };
    admin = new SecretsManagerClient({ endpoint: proxy.endpoint, region: 'eu-west-1', credentials });
  } else {
    admin = new SecretsManagerClient({
      ...(namedRegion ? { region: namedRegion } : {}),
      ...(namedEndpoint ? { endpoint: namedEndpoint } : {}),
    });
  }
});

afterAll(async () => {
  for (const close of closing) await close();
  for (const SecretId of made) {
    await admin?.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true })).catch(() => undefined);
  }
  admin?.destroy();
  await stand?.proxy.close();
  await stand?.moto.close();
  vi.unstubAllEnvs();
});

function newSecret() {
  const secretId = `imsvault-test/${randomUUID()}`;
  made.push(secretId);
  return { secretId };
}

/** A provider with clients and connections of its own, as another process has. */
async function createWriter() {
  const endpoint = stand?.proxy.endpoint ?? namedEndpoint;
  const region = stand === undefined ? namedRegion : 'eu-west-1';
  const provider = await aws.createProvider(
    {
      allowSecretsOverPlainHttp: false,
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
    },
    testContext({ env, timeoutMs: 20_000 }),
  );
  closing.push(() => provider.close?.());
  const { replaceSecret } = provider;
  if (replaceSecret === undefined) throw new Error('the provider cannot write');
  return { ...provider, replaceSecret };
}

async function failure(promise: Promise<unknown>): Promise<ImsvaultError> {
  const error = await promise.then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  );
  expectNoSecrets(error, [TOKEN, ...(stand?.secrets ?? [])]);
  return error as ImsvaultError;
}

const document = (id: unknown) => JSON.stringify({ id, access_token: TOKEN, nested: { list: [1, 'ü漢😀'] } });

describe(`writing to ${isNamed ? (namedEndpoint ?? `AWS ${namedRegion}`) : 'moto behind the quotas of AWS'}`, () => {
  it('makes the secret, then replaces it, and a read gives the new version', async () => {
    const ref = newSecret();
    const writer = await createWriter();
    const reader = await createWriter();
    let id: string | null = null;
    for (let count = 0; count < 4; count++) {
      id = (await writer.replaceSecret(ref, redact(document(count)), id)).id;
      for (const each of [writer, reader]) {
        const version = await each.readSecret(ref);
        expect(version).toMatchObject({ id, stage: 'AWSCURRENT' });
        expect(reveal(version.value)).toBe(document(count));
      }
    }
  });

  it('does not make the secret when that is forbidden', async () => {
    const ref = newSecret();
    const writer = await createWriter();
    const error = await failure(writer.replaceSecret(ref, redact(document(0)), null, { create: false }));
    expect(error.code).toBe('ERR_SECRET_NOT_FOUND');
    expect((await failure(writer.readSecret(ref))).code).toBe('ERR_SECRET_NOT_FOUND');
  });

  it('refuses a stale version, an unknown one, and null where there is a version', async () => {
    const ref = newSecret();
    const writer = await createWriter();
    const { id: first } = await writer.replaceSecret(ref, redact(document(1)), null);
    const { id: second } = await writer.replaceSecret(ref, redact(document(2)), first);
    for (const expected of [first, null, randomUUID()]) {
      const error = await failure(writer.replaceSecret(ref, redact(document('late')), expected));
      expect(error.code).toBe('ERR_SECRET_VERSION_CONFLICT');
    }
    expect((await writer.readSecret(ref)).id).toBe(second);
  });

  it('goes on from a value that somebody put by hand', async () => {
    const ref = newSecret();
    const writer = await createWriter();
    const { id } = await writer.replaceSecret(ref, redact(document(1)), null);
    await admin.send(new PutSecretValueCommand({ SecretId: ref.secretId, SecretString: document('by hand') }));
    expect((await failure(writer.replaceSecret(ref, redact(document(2)), id))).code).toBe(
      'ERR_SECRET_VERSION_CONFLICT',
    );
    const { id: byHand } = await writer.readSecret(ref);
    const { id: next } = await writer.replaceSecret(ref, redact(document(3)), byHand);
    expect((await writer.readSecret(ref)).id).toBe(next);
  });

  it.each([
    [12, 20],
    [50, 3],
  ])('has one winner of %i at once, in each of %i rounds', { timeout: 300_000 }, async (count, rounds) => {
    const ref = newSecret();
    const writers = await Promise.all(Array.from({ length: count }, createWriter));
    let id: string | null = null;
    for (let round = 0; round < rounds; round++) {
      const expected = id;
      const outcomes = await Promise.all(
        writers.map((writer, index) =>
          writer.replaceSecret(ref, redact(document(`${round} ${index}`)), expected).then(
            (written) => ({ ...written, index }),
            (error: ImsvaultError) => error.code,
          ),
        ),
      );
      const winners = outcomes.filter((outcome) => typeof outcome === 'object');
      expect(winners).toHaveLength(1);
      expect(new Set(outcomes.filter((outcome) => typeof outcome === 'string'))).toEqual(
        new Set(['ERR_SECRET_VERSION_CONFLICT']),
      );
      const version = await (writers[round % count] ?? expect.unreachable()).readSecret(ref);
      expect(version.id).toBe(winners[0]?.id);
      expect(reveal(version.value)).toBe(document(`${round} ${winners[0]?.index}`));
      id = version.id;
    }
    // Losers leave nothing behind.
    if (stand !== undefined) expect(stand.proxy.use(ref.secretId)).toMatchObject({ versions: rounds, mostLabels: 3 });
  });

  it('writes tags, and no value, as metadata', async () => {
    const ref = newSecret();
    const writer = await createWriter();
    const { id } = await writer.replaceSecret(ref, redact(document(1)), null);
    await writer.annotateSecret?.(ref, { expiresAt: Date.UTC(2030, 0, 2), generation: 7, clientId: 'client-1' });
    await writer.annotateSecret?.(ref, { expiresAt: Date.UTC(2030, 0, 3), generation: 8, clientId: 'client-1' });
    const { Tags } = await admin.send(new DescribeSecretCommand({ SecretId: ref.secretId }));
    expect(Object.fromEntries((Tags ?? []).map(({ Key, Value }) => [Key, Value]))).toEqual({
      'imsvault:expires-at': '2030-01-03T00:00:00.000Z',
      'imsvault:generation': '8',
      'imsvault:client-id': 'client-1',
    });
    expect((await writer.readSecret(ref)).id).toBe(id);
  });
});

const notOurs = 'the connection, the clock and the permissions of a named server are not ours to disturb';
describe.skipIf(isNamed)(`writing through faults and quotas${isNamed ? ` (not here: ${notOurs})` : ''}`, () => {
  const onStand = () => stand ?? expect.unreachable('there is no stand');

  /** A writer that dies between its put and its move, and the version that it expected. */
  async function crash(ref: { secretId: string }): Promise<string> {
    const writer = await createWriter();
    const { id } = await writer.replaceSecret(ref, redact(document('before')), null);
    onStand().proxy.loseNext('UpdateSecretVersionStage', 'request');
    const error = await failure(writer.replaceSecret(ref, redact(document('orphan')), id));
    expect(error.code).toBe('ERR_SECRET_UNAVAILABLE');
    expect((await writer.readSecret(ref)).id).toBe(id);
    return id;
  }

  it('another completes what a crashed writer had decided, after 5 s', async () => {
    const ref = newSecret();
    const expected = await crash(ref);
    const other = await createWriter();
    const started = performance.now();
    const error = await failure(other.replaceSecret(ref, redact(document('other')), expected));
    expect(error.code).toBe('ERR_SECRET_VERSION_CONFLICT');
    expect(performance.now() - started).toBeGreaterThanOrEqual(4990);
    const version = await other.readSecret(ref);
    expect(reveal(version.value)).toBe(document('orphan'));
    await other.replaceSecret(ref, redact(document('next')), version.id);
    expect(reveal((await other.readSecret(ref)).value)).toBe(document('next'));
  });

  it('twelve who find a crashed writer complete it once, and agree', async () => {
    const ref = newSecret();
    const expected = await crash(ref);
    const writers = await Promise.all(Array.from({ length: 12 }, createWriter));
    const codes = await Promise.all(
      writers.map(
        async (writer, index) => (await failure(writer.replaceSecret(ref, redact(document(index)), expected))).code,
      ),
    );
    expect(new Set(codes)).toEqual(new Set(['ERR_SECRET_VERSION_CONFLICT']));
    expect(reveal((await (await createWriter()).readSecret(ref)).value)).toBe(document('orphan'));
    expect(onStand().proxy.use(ref.secretId)).toMatchObject({ versions: 2, mostLabels: 3 });
  });

  it('a put whose answer was lost goes through when it is repeated', async () => {
    const ref = newSecret();
    const writer = await createWriter();
    const { id } = await writer.replaceSecret(ref, redact(document(1)), null);
    onStand().proxy.loseNext('PutSecretValue', 'answer');
    expect(await failure(writer.replaceSecret(ref, redact(document(2)), id))).toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      retryable: true,
    });
    const { id: next } = await writer.replaceSecret(ref, redact(document(2)), id);
    expect((await writer.readSecret(ref)).id).toBe(next);
  });

  it('a move whose answer was lost has won', async () => {
    const ref = newSecret();
    const writer = await createWriter();
    const { id } = await writer.replaceSecret(ref, redact(document(1)), null);
    onStand().proxy.loseNext('UpdateSecretVersionStage', 'answer');
    const { id: next } = await writer.replaceSecret(ref, redact(document(2)), id);
    expect((await writer.readSecret(ref)).id).toBe(next);
  });

  it('150 writes, one every 20 minutes, stay within 20 labels and 100 versions', { timeout: 120_000 }, async () => {
    const ref = newSecret();
    const writer = await createWriter();
    let id: string | null = null;
    for (let count = 0; count < 150; count++) {
      id = (await writer.replaceSecret(ref, redact(document(count)), id)).id;
      onStand().proxy.age(20 * 60_000);
    }
    expect(onStand().proxy.use(ref.secretId)).toEqual({
      versions: 100,
      mostVersions: 100,
      labels: ['AWSCURRENT', 'AWSPREVIOUS', 'IMSVAULT_NEXT'],
      mostLabels: 3,
    });
    expect(reveal((await writer.readSecret(ref)).value)).toBe(document(149));
  });

  it('says what to do when the versions of a day are used up', { timeout: 120_000 }, async () => {
    const ref = newSecret();
    const writer = await createWriter();
    let id: string | null = null;
    for (let count = 0; count < 100; count++) {
      id = (await writer.replaceSecret(ref, redact(document(count)), id)).id;
    }
    expect(await failure(writer.replaceSecret(ref, redact(document('one more')), id))).toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      retryable: false,
      hint: expect.stringContaining('every 10 minutes'),
    });
    expect((await writer.readSecret(ref)).id).toBe(id);
  });

  it('says what to do when others have used up the labels', async () => {
    const ref = newSecret();
    const writer = await createWriter();
    const { id } = await writer.replaceSecret(ref, redact(document(1)), null);
    for (let count = 0; count < 19; count++) {
      const label = { VersionStage: `label-${count}`, MoveToVersionId: id };
      await admin.send(new UpdateSecretVersionStageCommand({ SecretId: ref.secretId, ...label }));
    }
    const error = await failure(writer.replaceSecret(ref, redact(document(2)), id));
    expect(error).toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', hint: expect.stringContaining('20 staging labels') });
  });

  it.each([
    ['put', [READ, DESCRIBE]],
    ['move', [READ, DESCRIBE, PUT]],
    ['describe', [READ, PUT, MOVE]],
  ])('names the permissions where it may not %s', async (_action, allowed) => {
    const ref = newSecret();
    const { id } = await (await createWriter()).replaceSecret(ref, redact(document(1)), null);
    const { moto } = onStand();
    await moto.allowUser('writer', allowed);
    try {
      // It has read nothing yet, so it must look the secret up first.
      const error = await failure((await createWriter()).replaceSecret(ref, redact(document(2)), id));
      expect(error).toMatchObject({
        code: 'ERR_SECRET_ACCESS_DENIED',
        hint: expect.stringContaining('PutSecretValue, UpdateSecretVersionStage and DescribeSecret'),
      });
    } finally {
      await moto.allowUser('writer', ALL);
    }
  });
});
