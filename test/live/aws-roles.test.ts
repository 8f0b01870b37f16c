import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { reveal } from '../../src/redacted.js';
import { expectNoSecrets } from '../support/leaks.js';
import { SECRET, useAwsLogins, writeHomeFile } from './servers/aws-logins.js';
import { startContainerCredentials } from './servers/container-credentials.js';
import { startInstanceMetadata } from './servers/imds.js';

const aws = useAwsLogins();

describe('the role of an EC2 instance (IMDSv2)', () => {
  it('signs the read, past any proxy', async () => {
    const imds = aws.closeLater(await startInstanceMetadata('reader', aws.session));
    const env = aws.environment({
      AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.endpoint,
      HTTP_PROXY: 'http://127.0.0.1:1',
      http_proxy: 'http://127.0.0.1:1',
    });
    expect(reveal((await aws.read(env)).value)).toBe(SECRET);
    expect(aws.reader()).toBe(aws.session.accessKeyId);
    expect(imds.requests).toEqual([
      'PUT /latest/api/token 200',
      'GET /latest/meta-data/iam/security-credentials/ 200',
      'GET /latest/meta-data/iam/security-credentials/reader 200',
    ]);
    expect(aws.visited).toEqual([aws.host]);
  });

  it('is "not configured" where the instance has no role', async () => {
    const imds = aws.closeLater(await startInstanceMetadata('none', undefined));
    const error = await aws.read(aws.environment({ AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.endpoint })).catch((e) => e);
    expect(error).toMatchObject({ code: 'ERR_PROVIDER_NOT_CONFIGURED' });
    expect(aws.moto.requests).toEqual([]);
  });

  it('is refused by moto where the key does not fit, which shows that signatures are checked', async () => {
    const imds = aws.closeLater(
      await startInstanceMetadata('reader', { ...aws.session, secretAccessKey: 'not-the-key' }),
    );
    const error = await aws.read(aws.environment({ AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.endpoint })).catch((e) => e);
    expect(error).toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED', cause: { name: 'InvalidSignatureException' } });
    expectNoSecrets(error, ['not-the-key', aws.session.sessionToken ?? '']);
  });
});

describe('the role of a container', () => {
  it('signs the read on ECS', async () => {
    const container = aws.closeLater(await startContainerCredentials(aws.session));
    const env = aws.environment({ AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url });
    expect(reveal((await aws.read(env)).value)).toBe(SECRET);
    expect(aws.reader()).toBe(aws.session.accessKeyId);
    expect(aws.visited).toEqual([aws.host]);
  });

  it('signs the read with EKS Pod Identity, with the token in the file', async () => {
    const container = aws.closeLater(await startContainerCredentials(aws.session));
    container.requireToken('pod-token');
    const env = aws.environment({ AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url });
    const file = join(env.HOME ?? '', 'eks-pod-identity-token');
    writeHomeFile(file, 'pod-token');
    vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', file);
    expect(reveal((await aws.read(env)).value)).toBe(SECRET);
    expect(aws.reader()).toBe(aws.session.accessKeyId);
    expect(container.statuses).toEqual([200]);
  });

  it('is "unavailable" where the agent does not take the token', async () => {
    const container = aws.closeLater(await startContainerCredentials(aws.session));
    container.requireToken('pod-token');
    const error = await aws
      .read(aws.environment({ AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url }))
      .catch((e) => e);
    expect(error).toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
    expect(container.statuses).toContain(401);
    expect(aws.moto.requests).toEqual([]);
  });
});

describe('the role of a Kubernetes service account (IRSA)', () => {
  it('signs the read with what STS gives for the token', async () => {
    const env = aws.environment({ AWS_ROLE_ARN: aws.roleArn });
    const file = join(env.HOME ?? '', 'token');
    writeHomeFile(file, 'web.identity.token');
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', file);
    expect(reveal((await aws.read(env)).value)).toBe(SECRET);
    expect(aws.actions()).toEqual(['AssumeRoleWithWebIdentity', 'GetSecretValue']);
    const form = new URLSearchParams(aws.moto.requests[0]?.body);
    expect(form.get('WebIdentityToken')).toBe('web.identity.token');
    expect(form.get('RoleArn')).toBe(aws.roleArn);
    expect(aws.reader()).toMatch(/^ASIA/);
    expect(aws.reader()).not.toBe(aws.session.accessKeyId);
    expect(aws.visited).toEqual([aws.host, aws.host]);
  });
});
