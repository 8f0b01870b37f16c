// What a fleet shares: OpenBao with a credential and a place for the token, and IMS. All that workers ask passes a proxy
// that counts it, and that listens where the workers' hosts reach it.
import { randomUUID } from 'node:crypto';
import { createImsEmulator } from '../../dist/testing.js';
import { startOpenBao, startRecordingProxy, writeSecret } from '../support/servers.mjs';

const CLIENT_ID = 'fleet-client';

/** @param options `lifeSeconds` of a token, `latencyMs` of IMS, `address` that workers reach */
export async function startStand({ lifeSeconds, latencyMs, address }) {
  const closers = [];
  async function close() {
    for (const end of closers.splice(0).reverse()) await end();
  }
  try {
    const clientSecret = randomUUID();
    const clients = [{ clientId: CLIENT_ID, clientSecrets: [clientSecret] }];
    const ims = await createImsEmulator({ clients, expiresInSeconds: lifeSeconds }).start();
    closers.push(() => ims.stop());
    ims.fail({ kind: 'latency', ms: latencyMs });
    const bao = await startOpenBao();
    closers.push(() => bao.close());
    await writeSecret(bao, 'secret/data/ims/fusion', { data: { client_id: CLIENT_ID, client_secret: clientSecret } });
    const login = await createLogin(bao);
    const store = await startRecordingProxy(bao.address, address);
    closers.push(() => store.close());
    const endpoint = await startRecordingProxy(ims.url, address);
    closers.push(() => endpoint.close());

    const vault = { provider: 'vault', address: store.url, allowSecretsOverPlainHttp: true, auth: login };
    const tokenEndpoint = endpoint.url + new URL(ims.tokenEndpoint).pathname;
    return {
      config: {
        ims: { tokenEndpoint, allowSecretsOverPlainHttp: true },
        credentials: { ...vault, path: 'ims/fusion' },
        tokenStore: { ...vault, path: 'ims/token' },
      },
      validate: { url: `${endpoint.url}/ims/validate_token/v1`, clientId: CLIENT_ID },
      /** Requests of workers to the store so far: `GET /v1/secret/data/ims/token 200`. */
      storeRequests: store.requests,
      exchanges: () => ims.exchanges,
      /** The token document, read past the proxy. */
      async document() {
        const answer = await bao.api('secret/data/ims/token');
        return answer.data.data;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** An AppRole that reads the credential and writes the token. */
async function createLogin(bao) {
  const policy = `
    path "secret/data/ims/fusion" { capabilities = ["read"] }
    path "secret/data/ims/token" { capabilities = ["create", "read", "update"] }
    path "secret/metadata/ims/token" { capabilities = ["create", "read", "update", "patch"] }`;
  await bao.api('sys/policies/acl/fleet', { policy });
  await bao.api('sys/auth/approle', { type: 'approle' });
  await bao.api('auth/approle/role/fleet', { token_policies: 'fleet', token_ttl: '1h' });
  const role = await bao.api('auth/approle/role/fleet/role-id');
  const secret = await bao.api('auth/approle/role/fleet/secret-id', {});
  return { method: 'approle', roleId: role.data.role_id, secretId: secret.data.secret_id };
}
