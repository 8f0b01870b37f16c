import { randomBytes } from 'node:crypto';
import type { VaultServer } from './openbao.js';

const runId = randomBytes(4).toString('hex');

/** A name of this run's own: the server may be one that others use too. */
export const ownName = (what: string) => `imsvault-${runId}-${what}`;

/** Whether the environment names a server that this machine did not start. */
export const isExternal = Boolean(process.env.IMSVAULT_TEST_VAULT_ADDR);

/** Writes once the mount is ready: for a moment after it was made, KV v2 is still being set up and answers 400. */
export async function writeSecret(
  server: VaultServer,
  path: string,
  body: object,
  options: { namespace?: string } = {},
): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await server.api(path, body, options);
      return;
    } catch (error) {
      if (tries >= 50 || !/Upgrading/.test(String(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** KV v2 with the secret ims/fusion, and a policy that reads it. */
export async function prepare(server: VaultServer, namespace?: string): Promise<{ mount: string; policy: string }> {
  const [mount, policy] = [ownName('kv'), ownName('read')];
  const options = namespace === undefined ? {} : { namespace };
  await server.api(`sys/mounts/${mount}`, { type: 'kv', options: { version: '2' } }, options);
  const rule = `path "${mount}/data/ims/*" { capabilities = ["read"] }`;
  await server.api(`sys/policies/acl/${policy}`, { policy: rule }, options);
  await writeSecret(
    server,
    `${mount}/data/ims/fusion`,
    { data: { client_id: 'live', client_secret: 'live-secret' } },
    options,
  );
  return { mount, policy };
}

/** Removes what {@link prepare} and the caller made, and closes the server. */
export async function discard(server: VaultServer, authMounts: readonly string[] = []): Promise<void> {
  const paths = [
    `sys/mounts/${ownName('kv')}`,
    `sys/policies/acl/${ownName('read')}`,
    ...authMounts.map((mount) => `sys/auth/${mount}`),
  ];
  for (const path of paths) await server.api(path, undefined, { method: 'DELETE' });
  await server.close();
}

export function field(answer: Record<string, unknown>, part: 'data' | 'auth' | 'wrap_info', key: string): string {
  return String((answer[part] as Record<string, unknown>)[key]);
}

/** A token with a policy of its own choosing. */
export async function newToken(server: VaultServer, settings: object, namespace?: string): Promise<string> {
  const options = namespace === undefined ? {} : { namespace };
  return field(await server.api('auth/token/create', settings, options), 'auth', 'client_token');
}

/** The login AppRole, with one role that has one policy. */
export async function appRole(server: VaultServer, policy: string): Promise<{ roleId: string; secretId: string }> {
  await server.api('sys/auth/approle', { type: 'approle' });
  await server.api('auth/approle/role/it', { token_policies: policy });
  return {
    roleId: field(await server.api('auth/approle/role/it/role-id'), 'data', 'role_id'),
    secretId: field(await server.api('auth/approle/role/it/secret-id', {}), 'data', 'secret_id'),
  };
}
