import { vi } from 'vitest';
import aws from '../../../providers/aws-secrets-manager/index.js';
import { providerConformance } from '../../conformance/provider-suite.js';
import { awsEnvironment, STATIC_KEYS } from '../../support/aws/environment.js';
import { testContext } from '../../support/provider-context.js';
import { awsError, startFakeSecretsManager } from './fake-secrets-manager.js';

providerConformance({
  name: 'aws-secrets-manager',
  maxValueBytes: 64 * 1024,
  async create() {
    const env = awsEnvironment({ ...STATIC_KEYS, AWS_REGION: 'eu-west-1' });
    const server = await startFakeSecretsManager();
    const provider = await aws.createProvider(
      { endpoint: server.endpoint, allowSecretsOverPlainHttp: false },
      testContext({ env }),
    );
    return {
      provider,
      ref: { secretId: 'ims/fusion' },
      missingRef: { secretId: 'ims/missing' },
      async write(value) {
        server.write(value);
      },
      async fault(kind) {
        server.answer = {
          none: undefined,
          hang: 'hang' as const,
          down: awsError('InternalServiceError', 'An error occurred on the server side.', 500),
          denied: awsError('AccessDeniedException', 'User: arn:aws:iam::1:user/x is not authorized to perform'),
        }[kind];
      },
      secrets: [STATIC_KEYS.AWS_SECRET_ACCESS_KEY],
      async close() {
        await provider.close?.();
        await server.close();
        vi.unstubAllEnvs();
      },
    };
  },
});
