import {
  SecretsManagerClient,
  SecretsManagerServiceException,
  TagResourceCommand,
} from '@aws-sdk/client-secrets-manager';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import aws from '../../../providers/aws-secrets-manager/index.js';
import { awsEnvironment, STATIC_KEYS } from '../../support/aws/environment.js';
import { testContext } from '../../support/provider-context.js';
import type { ClientMock } from './secret-model.js';

const REF = { secretId: 'ims/token' };
const METADATA = { expiresAt: Date.UTC(2030, 0, 2), generation: 7, clientId: 'client-1' };

let client: ClientMock;
let env: Record<string, string>;
beforeEach(() => {
  env = awsEnvironment({ ...STATIC_KEYS, AWS_REGION: 'eu-west-1' });
  client = mockClient(SecretsManagerClient) as ClientMock;
});
afterEach(() => {
  client.restore();
  vi.unstubAllEnvs();
});

const create = () => aws.createProvider({ allowSecretsOverPlainHttp: false }, testContext({ env }));
const calls = () => client.commandCalls(TagResourceCommand).map((call) => call.args[0].input);

describe('metadata of a secret of AWS Secrets Manager', () => {
  it('are three tags, written when they change', async () => {
    client.on(TagResourceCommand).resolves({});
    const provider = await create();
    await provider.annotateSecret?.(REF, METADATA);
    await provider.annotateSecret?.(REF, { ...METADATA });
    await provider.annotateSecret?.({ secretId: 'ims/other' }, METADATA);
    await provider.annotateSecret?.(REF, { ...METADATA, generation: 8 });
    expect(calls().map(({ SecretId }) => SecretId)).toEqual(['ims/token', 'ims/other', 'ims/token']);
    expect(calls()[0]?.Tags).toEqual([
      { Key: 'imsvault:expires-at', Value: '2030-01-02T00:00:00.000Z' },
      { Key: 'imsvault:generation', Value: '7' },
      { Key: 'imsvault:client-id', Value: 'client-1' },
    ]);
  });

  it('are written again after a failure, which names the permission', async () => {
    const provider = await create();
    client.on(TagResourceCommand).rejects(
      new SecretsManagerServiceException({
        name: 'AccessDeniedException',
        $fault: 'client',
        $metadata: { httpStatusCode: 400 },
      }),
    );
    await expect(provider.annotateSecret?.(REF, METADATA)).rejects.toMatchObject({
      code: 'ERR_SECRET_ACCESS_DENIED',
      hint: expect.stringContaining('TagResource'),
    });
    client.on(TagResourceCommand).resolves({});
    await provider.annotateSecret?.(REF, METADATA);
    expect(calls()).toHaveLength(2);
  });
});
