import { providerConformance } from '../conformance/provider-suite.js';
import { openVault } from '../providers/vault/open.js';
import { startFaultProxy } from './servers/fault-proxy.js';
import { vaultUnderTest } from './servers/openbao.js';
import { ownName, writeSecret } from './servers/vault-fixture.js';

for (const kv of [1, 2] as const) {
  providerConformance({
    name: `vault (real server, KV v${kv}, AppRole)`,
    maxValueBytes: 64 * 1024,
    async create() {
      const server = await vaultUnderTest();
      const mount = ownName(`kv${kv}`);
      const approle = ownName(`approle${kv}`);
      const policy = ownName(`read${kv}`);
      const data = kv === 1 ? mount : `${mount}/data`;
      const allow = (granted: boolean) =>
        server.api(`sys/policies/acl/${policy}`, {
          policy: `path "${data}/*" { capabilities = ["${granted ? 'read' : 'deny'}"] }`,
        });
      await server.api(`sys/mounts/${mount}`, { type: 'kv', options: { version: String(kv) } });
      await server.api(`sys/auth/${approle}`, { type: 'approle' });
      await allow(true);
      await server.api(`auth/${approle}/role/ims`, { token_policies: [policy], token_ttl: '10m' });
      const role = await server.api(`auth/${approle}/role/ims/role-id`);
      const secret = await server.api(`auth/${approle}/role/ims/secret-id`, {});
      const roleId = String((role.data as { role_id: string }).role_id);
      const secretId = String((secret.data as { secret_id: string }).secret_id);

      const proxy = await startFaultProxy(server);
      const https = server.address.startsWith('https:');
      const { provider, ref } = await openVault({
        address: `${https ? 'https' : 'http'}://127.0.0.1:${proxy.port}`,
        mount,
        auth: { method: 'approle', mount: approle, roleId, secretId },
        ...(https ? { tls: { serverName: server.host, ...(server.caFile ? { caFile: server.caFile } : {}) } } : {}),
      });
      return {
        provider,
        ref,
        missingRef: { ...ref, path: 'ims/none' },
        async write(value) {
          const document = JSON.parse(value);
          await writeSecret(server, `${data}/ims/fusion`, kv === 1 ? document : { data: document });
        },
        async fault(kind) {
          proxy.setMode(kind === 'hang' ? 'hang' : kind === 'down' ? 'reset' : 'pass');
          await allow(kind !== 'denied');
        },
        secrets: [secretId, server.adminToken === 'root' ? secretId : server.adminToken],
        async close() {
          await provider.close?.();
          await proxy.close();
          await server.api(`sys/mounts/${mount}`, undefined, { method: 'DELETE' });
          await server.api(`sys/auth/${approle}`, undefined, { method: 'DELETE' });
          await server.api(`sys/policies/acl/${policy}`, undefined, { method: 'DELETE' });
          await server.close();
        },
      };
    },
  });
}
