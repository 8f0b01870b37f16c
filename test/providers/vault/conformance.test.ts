import { providerConformance } from '../../conformance/provider-suite.js';
import { startFakeVault } from './fake-vault.js';
import { openVault } from './open.js';

const auth = { method: 'approle', roleId: 'role-id-1', secretId: 'hvs-SECRET-ID-marked' };

for (const kv of [1, 2] as const) {
  providerConformance({
    name: `vault (stand-in, KV v${kv})`,
    maxValueBytes: 64 * 1024,
    async create() {
      const server = await startFakeVault();
      const mount = kv === 1 ? 'kv1' : 'secret';
      const { provider, ref } = await openVault({ address: server.address, mount, auth });
      return {
        provider,
        ref,
        missingRef: { ...ref, path: 'ims/none' },
        async write(value) {
          if (kv === 1) server.kv1.set('ims/fusion', JSON.parse(value));
          else server.kv2.write('ims/fusion', JSON.parse(value));
        },
        async fault(kind) {
          server.hang = kind === 'hang';
          server.deniedPaths.clear();
          if (kind === 'denied') server.deniedPaths.add(kv === 1 ? 'kv1/ims/fusion' : 'secret/data/ims/fusion');
          server.override = kind === 'down' ? () => ({ status: 502, body: '<html>bad gateway</html>' }) : undefined;
        },
        secrets: [server.secretId, 'hvs.FAKE-marked'],
        async close() {
          await provider.close?.();
          await server.close();
        },
      };
    },
  });
}
