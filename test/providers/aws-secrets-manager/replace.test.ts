import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  SecretsManagerServiceException,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import aws from '../../../providers/aws-secrets-manager/index.js';
import { successorId, uuidV5 } from '../../../providers/aws-secrets-manager/request-token.js';
import type { ImsvaultError } from '../../../src/errors.js';
import { redact } from '../../../src/redacted.js';
import { awsEnvironment, STATIC_KEYS } from '../../support/aws/environment.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { createManualClock, type ManualClock, settle } from '../../support/manual-clock.js';
import { testContext } from '../../support/provider-context.js';
import { type Action, type ClientMock, modelSecret, type SecretModel } from './secret-model.js';

const REF = { secretId: 'ims/token' };
const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:ims/token-AbCdEf';
const V0 = 'aaaaaaaa-bbbb-4ccc-8ddd-000000000000';
const V1 = successorId(ARN, V0);
const V2 = successorId(ARN, V1);
const SECRET = 'marked-token-value';

let client: ClientMock;
let model: SecretModel;
let env: Record<string, string>;
let clock: ManualClock;

beforeEach(() => {
  env = awsEnvironment({ ...STATIC_KEYS, AWS_REGION: 'eu-west-1' });
  client = mockClient(SecretsManagerClient) as ClientMock;
  model = modelSecret(client, ARN);
  model.putCurrent(V0, 'zero');
  clock = createManualClock();
});
afterEach(() => {
  client.restore();
  vi.unstubAllEnvs();
});

const createProvider = () =>
  aws.createProvider(
    { allowSecretsOverPlainHttp: false },
    testContext({ env, clock, random: () => 0.5, timeoutMs: 10_000 }),
  );

async function createWriter() {
  const provider = await createProvider();
  return (value: string, expected: string | null, options = {}) =>
    provider.replaceSecret?.(REF, redact(value), expected, options) ?? expect.unreachable('it cannot write');
}

/** How a write ended, while the clock stands or after it was moved on. */
function watch(write: Promise<{ id: string }>) {
  const outcome: { id?: string; error?: ImsvaultError } = {};
  write.then(
    ({ id }) => {
      outcome.id = id;
    },
    (error: ImsvaultError) => {
      outcome.error = error;
    },
  );
  return outcome;
}

const lost = (name = 'TimeoutError') => {
  throw Object.assign(new Error('marked: socket hang up'), { name, code: 'ECONNRESET' });
};
const inputs = (command: typeof PutSecretValueCommand | typeof UpdateSecretVersionStageCommand) =>
  client.commandCalls(command as typeof PutSecretValueCommand).map((call) => call.args[0].input);

describe('request tokens', () => {
  it('are name-based UUIDs (RFC 9562 appendix A.4)', () => {
    expect(uuidV5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe(
      '2ed6657d-e927-568b-95e1-2665a8aea6a2',
    );
  });

  it('differ by secret and by version, and never change between releases', () => {
    const ids = [successorId(ARN, V0), successorId(ARN, null), successorId(`${ARN}x`, V0), V2];
    expect(new Set(ids).size).toBe(4);
    expect(V1).toBe('4a99be92-8203-5dc7-bdcf-ab119e86321e');
  });
});

describe('replacing a secret of AWS Secrets Manager', () => {
  it('puts the successor under one label, then moves AWSCURRENT from the version that was expected', async () => {
    const write = await createWriter();
    expect(await write('one', V0)).toEqual({ id: V1 });
    expect(inputs(PutSecretValueCommand)).toEqual([
      { SecretId: 'ims/token', SecretString: 'one', ClientRequestToken: V1, VersionStages: ['IMSVAULT_NEXT'] },
    ]);
    expect(inputs(UpdateSecretVersionStageCommand)).toEqual([
      { SecretId: 'ims/token', VersionStage: 'AWSCURRENT', MoveToVersionId: V1, RemoveFromVersionId: V0 },
    ]);
    expect(model.current).toBe(V1);
    expect(await write('two', V1)).toEqual({ id: V2 });
    // The ARN was looked up once; after that a write is two requests.
    expect(model.calls).toEqual(['describe', 'put', 'move', 'put', 'move']);
    expect([...model.labels.keys()].sort()).toEqual(['AWSCURRENT', 'AWSPREVIOUS', 'IMSVAULT_NEXT']);
  });

  it('gives one winner of many, and a conflict to the others without waiting', async () => {
    const writers = await Promise.all(Array.from({ length: 20 }, createWriter));
    const outcomes = writers.map((write, index) => watch(write(`value ${index}`, V0)));
    await clock.advance(1000);
    expect(outcomes.filter(({ id }) => id === V1)).toHaveLength(1);
    expect(outcomes.filter(({ error }) => error?.code === 'ERR_SECRET_VERSION_CONFLICT')).toHaveLength(19);
    expect(model.versions.size).toBe(2);
  });

  it('refuses a version that is no longer current', async () => {
    const write = await createWriter();
    await write('one', V0);
    await expect(write('late', V0)).rejects.toMatchObject({ code: 'ERR_SECRET_VERSION_CONFLICT', retryable: true });
    expect(model.current).toBe(V1);
  });

  it('refuses where somebody put a value by hand, and goes on from there', async () => {
    const write = await createWriter();
    await write('one', V0);
    model.putCurrent('by-hand', 'x');
    await expect(write('two', V1)).rejects.toMatchObject({ code: 'ERR_SECRET_VERSION_CONFLICT' });
    expect(model.current).toBe('by-hand');
    await write('three', 'by-hand');
    expect(model.versions.get(model.current ?? '')).toBe('three');
  });

  it('refuses to write what the reference pins', async () => {
    const provider = await createProvider();
    for (const pin of [{ versionId: V0 }, { versionStage: 'AWSPREVIOUS' }]) {
      await expect(provider.replaceSecret?.({ ...REF, ...pin }, redact('x'), V0)).rejects.toMatchObject({
        code: 'ERR_SECRET_MALFORMED',
        hint: expect.stringContaining('AWSCURRENT'),
      });
    }
    expect(model.calls).toEqual([]);
  });

  it('starts nothing once its signal is aborted', async () => {
    const write = await createWriter();
    const reason = new Error('too late');
    await expect(write('one', V0, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(model.calls).toEqual([]);
  });
});

describe('a secret without a current version', () => {
  it('is made where there is none', async () => {
    model.exists = false;
    model.versions.clear();
    model.labels.clear();
    const write = await createWriter();
    const { id } = await write('first', null);
    expect(model.current).toBe(id);
    expect(client.commandCalls(CreateSecretCommand)[0]?.args[0].input).toEqual({
      Name: 'ims/token',
      SecretString: 'first',
      ClientRequestToken: successorId('ims/token', null),
    });
    expect(await write('second', id)).toEqual({ id: successorId(ARN, id) });
  });

  it('is not made when that is forbidden, nor by an ARN', async () => {
    model.exists = false;
    const write = await createWriter();
    await expect(write('first', null, { create: false })).rejects.toMatchObject({ code: 'ERR_SECRET_NOT_FOUND' });
    const provider = await createProvider();
    await expect(provider.replaceSecret?.({ secretId: ARN }, redact('first'), null)).rejects.toMatchObject({
      code: 'ERR_SECRET_NOT_FOUND',
    });
    expect(model.calls).not.toContain('create');
  });

  it('is made once when many make it at once', async () => {
    model.exists = false;
    model.versions.clear();
    model.labels.clear();
    const writers = await Promise.all(Array.from({ length: 10 }, createWriter));
    const outcomes = writers.map((write, index) => watch(write(`value ${index}`, null)));
    await clock.advance(1000);
    expect(outcomes.filter(({ id }) => id !== undefined)).toHaveLength(1);
    expect(outcomes.filter(({ error }) => error?.code === 'ERR_SECRET_VERSION_CONFLICT')).toHaveLength(9);
  });

  it('gets its first version with one put, which AWS makes current by itself', async () => {
    model.versions.clear();
    model.labels.clear();
    const write = await createWriter();
    expect(await write('first', null)).toEqual({ id: successorId(ARN, null) });
    expect(model.calls).toEqual(['describe', 'put']);
    expect(model.current).toBe(successorId(ARN, null));
  });

  it('is a conflict where it has one after all', async () => {
    const write = await createWriter();
    await expect(write('first', null)).rejects.toMatchObject({ code: 'ERR_SECRET_VERSION_CONFLICT' });
    expect(model.calls).toEqual(['describe']);
  });
});

describe('a writer that fails half-way', () => {
  it('before the put: nothing has happened', async () => {
    const write = await createWriter();
    model.before('put', () => lost());
    await expect(write('one', V0)).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
    expect(model.versions.size).toBe(1);
  });

  it('with the answer to its put lost: the same write again goes through', async () => {
    const write = await createWriter();
    model.after('put', () => lost());
    await expect(write('one', V0)).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', retryable: true });
    expect(model.current).toBe(V0);
    expect(await write('one', V0)).toEqual({ id: V1 });
    expect(model.current).toBe(V1);
  });

  it('between put and move: another writer makes its version current after 5 s, and not before', async () => {
    const crashed = await createWriter();
    model.before('move', () => lost());
    await expect(crashed('one', V0)).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
    model.before('move', () => undefined);
    expect(model.labels.get('IMSVAULT_NEXT')).toBe(V1);

    const before = model.calls.length;
    const write = await createWriter();
    const outcome = watch(write('two', V0));
    await clock.advance(4999);
    expect(outcome).toEqual({});
    expect(model.current).toBe(V0);
    await clock.advance(501);
    expect(outcome.error?.code).toBe('ERR_SECRET_VERSION_CONFLICT');
    expect(model.versions.get(model.current ?? '')).toBe('one');
    const looks = Array(6).fill('describe');
    expect(model.calls.slice(before)).toEqual(['describe', 'put', ...looks, 'move']);
  });

  it('between put and move: of many who find it, one moves, and all see a conflict', async () => {
    model.versions.set(V1, 'orphan');
    const writers = await Promise.all(Array.from({ length: 12 }, createWriter));
    const outcomes = writers.map((write, index) => watch(write(`value ${index}`, V0)));
    await clock.advance(6000);
    expect(outcomes.map(({ error }) => error?.code)).toEqual(Array(12).fill('ERR_SECRET_VERSION_CONFLICT'));
    expect(model.current).toBe(V1);
    expect(model.versions.size).toBe(2);
  });

  it('between put and move: those who may not wait so long make it current together', async () => {
    model.versions.set(V1, 'orphan');
    const write = await createWriter();
    const controllers = [0, 1, 2, 3].map(() => new AbortController());
    for (const controller of controllers) {
      const outcome = watch(write('two', V0, { signal: controller.signal }));
      await clock.advance(2000);
      controller.abort(new Error('the caller gave up'));
      await settle();
      expect(outcome.id).toBeUndefined();
    }
    expect(model.current).toBe(V1);
  });

  it('with the answer to its move lost: it looks, and has won', async () => {
    const write = await createWriter();
    model.after('move', () => lost());
    expect(await write('one', V0)).toEqual({ id: V1 });
    expect(model.calls).toEqual(['describe', 'put', 'move', 'describe']);
  });

  it('with the move refused for want of permission: says so, and which one', async () => {
    const write = await createWriter();
    model.before('move', () => {
      throw new SecretsManagerServiceException({
        name: 'AccessDeniedException',
        message: 'marked',
        $fault: 'client',
        $metadata: { httpStatusCode: 400 },
      });
    });
    await expect(write('one', V0)).rejects.toMatchObject({
      code: 'ERR_SECRET_ACCESS_DENIED',
      hint: expect.stringMatching(
        /PutSecretValue, UpdateSecretVersionStage and DescribeSecret.*CreateSecret.*TagResource/,
      ),
    });
  });

  it('paused before its move, which somebody else completes meanwhile: it has won', async () => {
    const write = await createWriter();
    model.before('move', () => model.labels.set('AWSCURRENT', V1) && undefined);
    expect(await write('one', V0)).toEqual({ id: V1 });
  });

  it('paused before its move, and awake after its version was replaced: a conflict, and nothing is moved', async () => {
    const write = await createWriter();
    model.before('move', () => {
      model.versions.set(V2, 'later').set(V1, 'one');
      model.labels.set('AWSCURRENT', V2);
    });
    await expect(write('one', V0)).rejects.toMatchObject({ code: 'ERR_SECRET_VERSION_CONFLICT' });
    expect(model.current).toBe(V2);
  });

  it('whose move is refused although nothing has changed: unavailable, never a conflict', async () => {
    const write = await createWriter();
    model.before('move', () => model.moveCurrent('nowhere', V0));
    await expect(write('one', V0)).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', retryable: true });
    expect(model.current).toBe(V0);
  });

  it.each<Action>(['describe', 'put', 'move'])('whose %s hangs ends in time', async (action) => {
    const write = await createWriter();
    model.before(action, () => new Promise<void>(() => undefined));
    const outcome = watch(write('one', V0));
    await clock.advance(10_001);
    expect(outcome.error?.code).toBe('ERR_SECRET_UNAVAILABLE');
  });

  it('heals a rollback by hand, which the protocol cannot write upon, by going forward again', async () => {
    const write = await createWriter();
    await write('one', V0);
    model.labels.set('AWSCURRENT', V0);
    const outcome = watch(write('two', V0));
    await clock.advance(6000);
    expect(outcome.error?.code).toBe('ERR_SECRET_VERSION_CONFLICT');
    expect(model.current).toBe(V1);
    expect(await write('two', V1)).toEqual({ id: V2 });
  });
});

describe('errors of a write', () => {
  it.each<[string, number, string, boolean, RegExp]>([
    ['LimitExceededException', 400, 'ERR_SECRET_UNAVAILABLE', false, /20 staging labels and about 100 versions/],
    ['AccessDeniedException', 400, 'ERR_SECRET_ACCESS_DENIED', false, /PutSecretValue/],
    ['EncryptionFailure', 400, 'ERR_SECRET_ACCESS_DENIED', false, /kms:GenerateDataKey/],
    ['InvalidParameterException', 400, 'ERR_SECRET_MALFORMED', false, /65,536 bytes/],
    ['ResourceNotFoundException', 400, 'ERR_SECRET_NOT_FOUND', false, /secretId/],
    ['ThrottlingException', 400, 'ERR_SECRET_UNAVAILABLE', true, /^$/],
    ['InternalServiceError', 500, 'ERR_SECRET_UNAVAILABLE', true, /^$/],
  ])('%s (%i) is %s', async (name, status, code, retryable, hint) => {
    const write = await createWriter();
    model.before('put', () => {
      throw new SecretsManagerServiceException({
        name,
        message: `marked ${SECRET}`,
        $fault: 'client',
        $metadata: { httpStatusCode: status, requestId: 'request-1' },
      });
    });
    const error = await write(SECRET, V0).catch((reason: ImsvaultError) => reason);
    expect(error).toMatchObject({ code, retryable, cause: { name, status, requestId: 'request-1' } });
    expect((error as ImsvaultError).hint ?? '').toMatch(hint);
    expectNoSecrets(error, [SECRET, 'marked']);
  });

  it('show nothing of the value where another was first', async () => {
    const write = await createWriter();
    await write('one', V0);
    const error = await write(SECRET, V0).catch((reason) => reason);
    expectNoSecrets(error, [SECRET, 'marked']);
  });
});
