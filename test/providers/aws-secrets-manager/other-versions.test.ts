import {
  GetSecretValueCommand,
  InternalServiceError,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { type AwsStub, mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, expect, it } from 'vitest';
import aws from '../../../providers/aws-secrets-manager/index.js';
import { reveal } from '../../../src/redacted.js';
import { awsEnvironment, STATIC_KEYS } from '../../support/aws/environment.js';
import { testContext } from '../../support/provider-context.js';

const REF = { secretId: 'ims/fusion' };
const id = (letter: string) => letter.repeat(32);
let client: AwsStub<object, { $metadata: object }, SecretsManagerClient['config']>;

beforeEach(() => {
  client = mockClient(SecretsManagerClient) as typeof client;
});
afterEach(() => client.restore());

/** What stands at each label; the rest of the API answers that there is none. */
function hold(stages: Readonly<Record<string, string>>) {
  client.on(GetSecretValueCommand).callsFake(async ({ VersionStage: stage }) => {
    const value = stages[stage];
    if (value !== undefined) return { SecretString: value, VersionId: id(value), VersionStages: [stage] };
    throw new ResourceNotFoundException({
      message: `Secrets Manager can't find the specified secret value for staging label: ${stage}`,
      $metadata: { httpStatusCode: 400 },
    });
  });
}

async function readOthers(ref: Record<string, string> = REF) {
  const env = awsEnvironment({ ...STATIC_KEYS, AWS_REGION: 'eu-west-1' });
  const provider = await aws.createProvider({ allowSecretsOverPlainHttp: false }, testContext({ env }));
  const versions = await provider.readOtherVersions?.(ref as typeof REF);
  return versions?.map(({ value, stage }) => [stage, reveal(value)]);
}

it('reads AWSPENDING, then AWSPREVIOUS, as far as they are there', async () => {
  hold({ AWSCURRENT: 'a', AWSPENDING: 'b', AWSPREVIOUS: 'c' });
  expect(await readOthers()).toEqual([
    ['AWSPENDING', 'b'],
    ['AWSPREVIOUS', 'c'],
  ]);
  hold({ AWSCURRENT: 'a', AWSPREVIOUS: 'c' });
  expect(await readOthers({ ...REF, versionStage: 'AWSCURRENT' })).toEqual([['AWSPREVIOUS', 'c']]);
  hold({ AWSCURRENT: 'a' });
  expect(await readOthers()).toEqual([]);
});

it('has none where the config wants one version and no other', async () => {
  hold({ AWSCURRENT: 'a', AWSPENDING: 'b' });
  expect(await readOthers({ ...REF, versionStage: 'AWSPENDING' })).toEqual([]);
  expect(await readOthers({ ...REF, versionId: id('x') })).toEqual([]);
  expect(client.commandCalls(GetSecretValueCommand)).toEqual([]);
});

it('does not take another failure for absence', async () => {
  client
    .on(GetSecretValueCommand)
    .rejects(new InternalServiceError({ message: 'x', $metadata: { httpStatusCode: 500 } }));
  await expect(readOthers()).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
});
