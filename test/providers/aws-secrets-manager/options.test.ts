import { describe, expect, it } from 'vitest';
import { awsSecretsManagerOptions } from '../../../providers/aws-secrets-manager/options.js';

const check = (value: object) => {
  const result = awsSecretsManagerOptions.safeParse({ secretId: 'ims/fusion', ...value });
  return result.success ? [] : result.error.issues.map((issue) => issue.path.join('.'));
};
const role = { roleArn: 'arn:aws:iam::123456789012:role/team/reader' };

describe('options of aws-secrets-manager', () => {
  it.each([
    {},
    { secretId: 'arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:ims/fusion-AbCdEf' },
    { secretId: 'arn:aws-eusc:secretsmanager:eusc-de-east-1:123456789012:secret:a' },
    { endpoint: 'https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com' },
    { endpoint: 'http://127.0.0.1:5000' },
    { endpoint: 'http://localstack:4566', allowSecretsOverPlainHttp: true },
    { versionStage: 'AWSPREVIOUS' },
    { versionId: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee', versionStage: 'AWSCURRENT' },
    { assumeRole: role },
    { assumeRole: { ...role, externalId: 'tenant:1', sessionName: 'fusion', durationSeconds: 900 } },
  ])('takes %j', (value) => {
    expect(check(value)).toEqual([]);
  });

  it.each([
    [{ secretId: '' }, ['secretId']],
    [{ secretId: 'with space' }, ['secretId']],
    ...[
      'arn:',
      'arn:aws:secretsmanager:eu-west-1:123456789012:secret:',
      'arn:aws:secretsmanager:evil.example/:123456789012:secret:a',
      'arn:aws:secretsmanager:evil@eu-west-1:123456789012:secret:a',
      'arn:aws:secretsmanager:x.eu-west-1:123456789012:secret:a',
      'arn:aws:secretsmanager::123456789012:secret:a',
      'arn:aws:secretsmanager:eu-west-1:1234:secret:a',
      'arn:aws:ssm:eu-west-1:123456789012:parameter/a',
    ].map((secretId): [object, string[]] => [{ secretId }, ['secretId']]),
    [{ endpoint: 'http://localstack:4566' }, ['endpoint']],
    [{ endpoint: 'ftp://127.0.0.1' }, ['endpoint']],
    [{ endpoint: 'secretsmanager' }, ['endpoint']],
    [{ region: 'eu west' }, ['region']],
    [{ versionId: 'short' }, ['versionId']],
    [{ awsProfile: '' }, ['awsProfile']],
    [{ assumeRole: {} }, ['assumeRole.roleArn']],
    [{ assumeRole: { roleArn: 'reader' } }, ['assumeRole.roleArn']],
    [{ assumeRole: { ...role, durationSeconds: 60 } }, ['assumeRole.durationSeconds']],
    [{ assumeRole: { ...role, sessionName: 'a b' } }, ['assumeRole.sessionName']],
    [{ profile: 'x' }, ['']],
  ])('refuses %j at %j', (value, paths) => {
    expect(check(value)).toEqual(paths);
  });

  it('names the session by default', () => {
    const { assumeRole } = awsSecretsManagerOptions.parse({ secretId: 'x', assumeRole: role });
    expect(assumeRole?.sessionName).toBe('imsvault');
  });
});
