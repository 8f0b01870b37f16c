import {
  DecryptionFailure,
  GetSecretValueCommand,
  InvalidRequestException,
  ResourceNotFoundException,
  SecretsManagerClient,
  SecretsManagerServiceException,
} from '@aws-sdk/client-secrets-manager';
import { type AwsStub, mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import aws from '../../../providers/aws-secrets-manager/index.js';
import type { ImsvaultError } from '../../../src/errors.js';
import { reveal } from '../../../src/redacted.js';
import { awsEnvironment, STATIC_KEYS } from '../../support/aws/environment.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { testContext } from '../../support/provider-context.js';

const REF = { secretId: 'ims/fusion' };
const VERSION = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const SECRET = 'p8e-marked-client-secret';

let client: AwsStub<object, { $metadata: object }, SecretsManagerClient['config']>;
let env: Record<string, string>;

beforeEach(() => {
  env = awsEnvironment({ ...STATIC_KEYS, AWS_REGION: 'eu-west-1' });
  client = mockClient(SecretsManagerClient) as typeof client;
});
afterEach(() => {
  client.restore();
  vi.unstubAllEnvs();
});

const create = () => aws.createProvider({ allowSecretsOverPlainHttp: false }, testContext({ env }));

describe('reading from AWS Secrets Manager', () => {
  it('gives the value, its version, its stage and when it was written', async () => {
    client.on(GetSecretValueCommand).resolves({
      SecretString: SECRET,
      VersionId: VERSION,
      VersionStages: ['mine', 'AWSCURRENT'],
      CreatedDate: new Date(1_700_000_000_000),
    });
    const { value, ...rest } = await (await create()).readSecret(REF);
    expect(reveal(value)).toBe(SECRET);
    expect(rest).toEqual({ id: VERSION, stage: 'AWSCURRENT', createdAt: 1_700_000_000_000 });
  });

  it.each([
    [REF, { VersionStage: 'AWSCURRENT' }],
    [{ ...REF, versionStage: 'AWSPREVIOUS' }, { VersionStage: 'AWSPREVIOUS' }],
    [{ ...REF, versionId: VERSION }, { VersionId: VERSION }],
    [
      { ...REF, versionId: VERSION, versionStage: 'AWSPENDING' },
      { VersionId: VERSION, VersionStage: 'AWSPENDING' },
    ],
  ])('for %j asks for %j', async (ref, expected) => {
    client.on(GetSecretValueCommand).resolves({ SecretString: 'x', VersionId: VERSION, VersionStages: [] });
    await (await create()).readSecret(ref);
    expect(client.commandCalls(GetSecretValueCommand).map((call) => call.args[0].input)).toEqual([
      { SecretId: 'ims/fusion', ...expected },
    ]);
  });

  it('decodes a binary value as UTF-8', async () => {
    const SecretBinary = new TextEncoder().encode('{"client_id":"ünïcödé 漢字"}');
    client.on(GetSecretValueCommand).resolves({ SecretBinary, VersionId: VERSION });
    expect(reveal((await (await create()).readSecret(REF)).value)).toBe('{"client_id":"ünïcödé 漢字"}');
  });

  it.each([
    ['bytes that are no UTF-8', { SecretBinary: Uint8Array.of(0x7b, 0xff, 0xfe), VersionId: VERSION }, /not UTF-8/],
    ['no value', { VersionId: VERSION }, /no value/],
    ['no version', { SecretString: SECRET }, /no version/],
  ])('calls %s malformed', async (_title, output, message) => {
    client.on(GetSecretValueCommand).resolves(output);
    const error = await (await create()).readSecret(REF).catch((reason: ImsvaultError) => reason);
    expect(error).toMatchObject({ code: 'ERR_SECRET_MALFORMED', message: expect.stringMatching(message) });
    expectNoSecrets(error, [SECRET]);
  });
});

const metadata = (httpStatusCode: number) => ({ $metadata: { httpStatusCode, requestId: 'request-1' } });

/** As the SDK makes it from an answer: a class for each modelled error, the base class with a name for others. */
function vendorError(name: string, status: number, message = `marked vendor text ${SECRET}`) {
  const modelled = { DecryptionFailure, InvalidRequestException, ResourceNotFoundException }[name];
  return modelled === undefined
    ? new SecretsManagerServiceException({
        name,
        message,
        $fault: status < 500 ? 'client' : 'server',
        ...metadata(status),
      })
    : new modelled({ message, ...metadata(status) });
}

describe('errors of AWS Secrets Manager', () => {
  it.each<[string, number, string | undefined, string, RegExp]>([
    [
      'ResourceNotFoundException',
      400,
      "Secrets Manager can't find the specified secret.",
      'ERR_SECRET_NOT_FOUND',
      /no such secret/,
    ],
    [
      'ResourceNotFoundException',
      400,
      "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
      'ERR_SECRET_NOT_FOUND',
      /no such version/,
    ],
    [
      'InvalidRequestException',
      400,
      "You can't perform this operation on the secret because it was marked for deletion.",
      'ERR_SECRET_NOT_FOUND',
      /is deleted, pending/,
    ],
    [
      'InvalidRequestException',
      400,
      "You tried to perform the operation on a secret that's currently marked deleted.",
      'ERR_SECRET_NOT_FOUND',
      /is deleted, pending/,
    ],
    ['InvalidParameterException', 400, undefined, 'ERR_SECRET_MALFORMED', /does not accept an option/],
    ['ValidationException', 400, undefined, 'ERR_SECRET_MALFORMED', /does not accept an option/],
    ['AccessDeniedException', 400, undefined, 'ERR_SECRET_ACCESS_DENIED', /access denied/],
    ['AccessDeniedException', 400, 'Access to KMS is not allowed', 'ERR_SECRET_ACCESS_DENIED', /KMS key is denied/],
    ['DecryptionFailure', 400, undefined, 'ERR_SECRET_ACCESS_DENIED', /KMS key cannot be used/],
    ['UnrecognizedClientException', 400, undefined, 'ERR_SECRET_ACCESS_DENIED', /does not know the credentials/],
    ['ExpiredTokenException', 400, undefined, 'ERR_SECRET_ACCESS_DENIED', /have expired/],
    ['InvalidSignatureException', 403, undefined, 'ERR_SECRET_ACCESS_DENIED', /signature/],
    [
      'InvalidSignatureException',
      403,
      'Signature expired: 20300101T000000Z is now earlier than',
      'ERR_SECRET_UNAVAILABLE',
      /clock is off/,
    ],
    [
      'SignatureDoesNotMatch',
      403,
      'Signature not yet current: 20300101T000000Z is still later',
      'ERR_SECRET_UNAVAILABLE',
      /clock is off/,
    ],
    ['RequestTimeTooSkewed', 403, undefined, 'ERR_SECRET_UNAVAILABLE', /clock is off/],
    ['SomethingNew', 403, undefined, 'ERR_SECRET_ACCESS_DENIED', /HTTP 403/],
    ['ThrottlingException', 400, undefined, 'ERR_SECRET_UNAVAILABLE', /ThrottlingException \(HTTP 400\)/],
    ['InternalServiceError', 500, undefined, 'ERR_SECRET_UNAVAILABLE', /InternalServiceError \(HTTP 500\)/],
    ['ServiceUnavailable', 503, undefined, 'ERR_SECRET_UNAVAILABLE', /HTTP 503/],
    ['SomethingNew', 400, undefined, 'ERR_SECRET_UNAVAILABLE', /SomethingNew \(HTTP 400\)/],
    ['InvalidRequestException', 400, 'something else', 'ERR_SECRET_UNAVAILABLE', /InvalidRequestException/],
  ])('%s (%i, %s) is %s', async (name, status, message, code, text) => {
    client.on(GetSecretValueCommand).rejects(vendorError(name, status, message));
    const error: ImsvaultError = await (await create()).readSecret(REF).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^AWS Secrets Manager secret "ims\/fusion" in eu-west-1: /);
    expect(error.message).toMatch(text);
    expect(error.retryable).toBe(code === 'ERR_SECRET_UNAVAILABLE' && !/SomethingNew|InvalidRequest/.test(name));
    expect(error.cause).toEqual({ name, status, requestId: 'request-1' });
    expectNoSecrets(error, [SECRET, 'marked vendor text', 'Signature expired', STATIC_KEYS.AWS_SECRET_ACCESS_KEY]);
  });

  it('looks for credentials again after they were refused', async () => {
    const provider = await create();
    client.on(GetSecretValueCommand).rejects(vendorError('UnrecognizedClientException', 400));
    await expect(provider.readSecret(REF)).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
    client.on(GetSecretValueCommand).resolves({ SecretString: 'x', VersionId: VERSION });
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAROTATED');
    await provider.readSecret(REF);
    const [, second] = client.commandCalls(GetSecretValueCommand);
    expect(await second?.thisValue.config.credentials()).toMatchObject({ accessKeyId: 'AKIAROTATED' });
  });
});
