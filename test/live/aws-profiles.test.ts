import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { reveal } from '../../src/redacted.js';
import { expectNoSecrets } from '../support/leaks.js';
import { READ, SECRET, useAwsLogins, writeHomeFile } from './servers/aws-logins.js';
import type { Keys } from './servers/moto.js';

const aws = useAwsLogins();

describe('profiles', () => {
  const section = (name: string, keys: Keys) =>
    `[${name}]\naws_access_key_id = ${keys.accessKeyId}\naws_secret_access_key = ${keys.secretAccessKey}\n`;

  it('sign the read with the keys of the profile that is named', async () => {
    const keys = await aws.moto.createUser('profile-user', READ);
    const env = aws.environment();
    writeHomeFile(env.AWS_SHARED_CREDENTIALS_FILE, section('work', keys));
    expect(reveal((await aws.read(env, { awsProfile: 'work' })).value)).toBe(SECRET);
    expect(aws.reader()).toBe(keys.accessKeyId);
  });

  it('assume the role that the profile names, and take its region', async () => {
    const keys = await aws.moto.createUser('source-user', ['sts:AssumeRole']);
    const env = aws.environment();
    writeHomeFile(env.AWS_SHARED_CREDENTIALS_FILE, section('base', keys));
    writeHomeFile(
      env.AWS_CONFIG_FILE,
      `[profile work]\nrole_arn = ${aws.roleArn}\nsource_profile = base\nregion = eu-west-1\n`,
    );
    delete env.AWS_REGION;
    vi.stubEnv('AWS_REGION', undefined);
    vi.stubEnv('AWS_PROFILE', 'work');
    expect(reveal((await aws.read({ ...env, AWS_PROFILE: 'work' })).value)).toBe(SECRET);
    expect(aws.actions()).toEqual(['AssumeRole', 'GetSecretValue']);
    expect(aws.moto.requests[0]?.accessKeyId).toBe(keys.accessKeyId);
    expect(aws.reader()).toMatch(/^ASIA/);
    expect(aws.moto.requests[1]?.region).toBe('eu-west-1');
  });

  it('sign in through IAM Identity Center by the way of imsvault', async () => {
    const portal = createServer((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://portal');
      const known =
        request.headers['x-amz-sso_bearer_token'] === 'sso-token' && searchParams.get('role_name') === 'Reader & more';
      const { accessKeyId, secretAccessKey, sessionToken } = aws.session;
      const roleCredentials = { accessKeyId, secretAccessKey, sessionToken, expiration: Date.now() + 3_600_000 };
      response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify(known ? { roleCredentials } : { message: 'no' }));
    });
    portal.listen(0, '127.0.0.1');
    await once(portal, 'listening');
    aws.closeLater({
      async close() {
        portal.closeAllConnections();
        portal.close();
      },
    });
    const host = `127.0.0.1:${(portal.address() as AddressInfo).port}`;
    const env = aws.environment({ AWS_ENDPOINT_URL_SSO: `http://${host}` });
    writeHomeFile(
      env.AWS_CONFIG_FILE,
      '[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Reader & more\n' +
        '[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example.com/start\n',
    );
    const cache = join(
      env.HOME ?? '',
      '.aws',
      'sso',
      'cache',
      `${createHash('sha1').update('corp').digest('hex')}.json`,
    );
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    writeHomeFile(cache, JSON.stringify({ accessToken: 'sso-token', expiresAt }));
    expect(reveal((await aws.read(env, { awsProfile: 'work' })).value)).toBe(SECRET);
    expect(aws.reader()).toBe(aws.session.accessKeyId);
    expect(aws.visited).toEqual([host, aws.host]);
  });
});

describe('assumeRole', () => {
  const withKeys = (keys: Keys) =>
    aws.environment({ AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey });

  it('signs the read with the role, once for many reads', async () => {
    const keys = await aws.moto.createUser('chain-user', ['sts:AssumeRole']);
    const arn = await aws.moto.createRole('external', READ, 'tenant-1');
    const env = withKeys(keys);
    const options = {
      assumeRole: { roleArn: arn, externalId: 'tenant-1', sessionName: 'fusion', durationSeconds: 900 },
    };
    const again = await aws.open(env, options);
    expect(reveal((await again()).value)).toBe(SECRET);
    expect(aws.reader()).toMatch(/^ASIA/);
    expect(reveal((await again()).value)).toBe(SECRET);
    expect(aws.actions()).toEqual(['AssumeRole', 'GetSecretValue', 'GetSecretValue']);
    expect(aws.moto.requests[0]?.accessKeyId).toBe(keys.accessKeyId);
    const form = new URLSearchParams(aws.moto.requests[0]?.body);
    expect(Object.fromEntries(form)).toMatchObject({
      RoleArn: arn,
      ExternalId: 'tenant-1',
      RoleSessionName: 'fusion',
      DurationSeconds: '900',
    });
    expect(aws.visited).toEqual(Array(3).fill(aws.host));
  });

  it('says that the role may not be assumed', async () => {
    const keys = await aws.moto.createUser('poor-user', READ);
    const error = await aws.read(withKeys(keys), { assumeRole: { roleArn: aws.roleArn } }).catch((e) => e);
    expect(error).toMatchObject({
      code: 'ERR_SECRET_ACCESS_DENIED',
      message: expect.stringContaining('the role may not be assumed'),
      hint: expect.stringContaining('trust policy'),
    });
    expectNoSecrets(error, [keys.secretAccessKey]);
  });
});

describe('values and versions on a real server', () => {
  it('reads bytes, a stage that moved, and an older version', async () => {
    const keys = await aws.moto.createUser('versions-user', READ);
    const env = aws.environment({ AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey });
    await aws.moto.putSecret('ims/binary', Buffer.from('{"client_id":"ünïcödé"}'));
    expect(reveal((await aws.read(env, { secretId: 'ims/binary' })).value)).toBe('{"client_id":"ünïcödé"}');
    const first = await aws.read(env, { secretId: 'ims/binary' });
    await aws.moto.putSecret('ims/binary', Uint8Array.of(0xff, 0xfe));
    await expect(aws.read(env, { secretId: 'ims/binary' })).rejects.toMatchObject({ code: 'ERR_SECRET_MALFORMED' });
    const previous = await aws.read(env, { secretId: 'ims/binary', versionStage: 'AWSPREVIOUS' });
    expect(previous).toMatchObject({ id: first.id, stage: 'AWSPREVIOUS' });
    expect(await aws.read(env, { secretId: 'ims/binary', versionId: first.id })).toMatchObject({ id: first.id });
    expect(first.createdAt).toBeGreaterThan(Date.now() - 600_000);
    expect(Math.abs((first.serverTime ?? 0) - Date.now())).toBeLessThan(5000);
  });
});
