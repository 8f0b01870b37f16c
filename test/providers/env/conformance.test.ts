import env from '../../../providers/env/index.js';
import { providerConformance } from '../../conformance/provider-suite.js';
import { testContext } from '../../support/provider-context.js';

providerConformance({
  name: 'env',
  maxValueBytes: 64 * 1024,
  skip: {
    absent: 'an unset variable is "not configured", tested beside this suite',
    denied: 'the environment is always readable',
    down: 'no server',
    hang: 'no server',
    large: 'two variables hold no padding',
  },
  async create() {
    const variables: Record<string, string> = {};
    const provider = await env.createProvider({}, testContext({ env: variables }));
    return {
      provider,
      ref: { clientId: 'FUSION_CLIENT_ID', clientSecret: 'FUSION_CLIENT_SECRET' },
      missingRef: { clientId: 'NO_ID', clientSecret: 'NO_SECRET' },
      async write(value) {
        const { client_id: id, client_secret: secret } = JSON.parse(value);
        variables.FUSION_CLIENT_ID = id ?? '';
        variables.FUSION_CLIENT_SECRET = typeof secret === 'string' ? secret : '';
      },
      fault: async () => undefined,
      secrets: [],
      close: async () => undefined,
    };
  },
});
