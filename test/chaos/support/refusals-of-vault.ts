import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOpenBao, type VaultServer } from '../../live/servers/openbao.js';
import { field, newToken, writeSecret } from '../../live/servers/vault-fixture.js';
import { type Answer, send, type Trouble } from './link.js';
import { CREDENTIAL, type Ground, type Refusal, type RefusingStore } from './refusals.js';
import { newName } from './stores.js';

interface VaultGround {
  name: string;
  policy: string;
  tokenFile: string;
}

export function vaultRefusals(): RefusingStore {
  let bao: VaultServer;
  let folder: string;

  const allow = (policy: string, name: string, capability: 'read' | 'deny') =>
    bao.api(`sys/policies/acl/${policy}`, {
      policy: `path "secret/data/${name}" { capabilities = ["${capability}"] }`,
    });

  const refusal = (
    fault: string,
    means: Refusal['means'],
    on: (ground: VaultGround) => Trouble,
    auth?: (ground: VaultGround) => Promise<object>,
  ): Refusal => ({
    fault,
    means,
    async open(): Promise<Ground> {
      const [name, policy] = [newName(), newName()];
      const ground = { name, policy, tokenFile: join(folder, name) };
      await writeSecret(bao, `secret/data/${name}`, { data: CREDENTIAL });
      await allow(policy, name, 'read');
      await writeFile(ground.tokenFile, await newToken(bao, { policies: [policy] }));
      const login = (await auth?.(ground)) ?? { method: 'token', tokenFile: ground.tokenFile };
      return {
        url: bao.address,
        block: (address) => ({ provider: 'vault', address, path: name, auth: login }),
        env: {},
        trouble: on(ground),
      };
    },
  });

  const byAppRole = async ({ policy }: VaultGround) => {
    const role = `auth/approle/role/${policy}`;
    await bao.api(role, { token_policies: policy });
    const roleId = field(await bao.api(`${role}/role-id`), 'data', 'role_id');
    const secretId = field(await bao.api(`${role}/secret-id`, {}), 'data', 'secret_id');
    return { method: 'approle', roleId, secretId };
  };

  async function revokeAppRoleLogins(): Promise<void> {
    const { data } = await bao.api('auth/token/accessors', undefined, { method: 'LIST' });
    for (const accessor of (data as { keys: string[] }).keys) {
      const seen = await bao.api('auth/token/lookup-accessor', { accessor }).catch(() => undefined);
      if (seen === undefined || field(seen, 'data', 'path') !== 'auth/approle/login') continue;
      await bao.api('auth/token/revoke-accessor', { accessor });
    }
  }

  /** As a standby that does not forward requests. */
  const redirect = (location: (request: IncomingMessage) => string | undefined): Trouble => ({
    async answer(response, forward) {
      const to = location(response.req);
      if (to === undefined) return send(response, await forward());
      return send(response, { status: 307, headers: { location: to }, body: Buffer.alloc(0) });
    },
  });
  const standby: Answer = { status: 473, headers: {}, body: Buffer.alloc(0) };

  return {
    provider: 'vault',
    async start() {
      bao = await startOpenBao();
      await bao.api('sys/auth/approle', { type: 'approle' });
      folder = await mkdtemp(join(tmpdir(), 'imsvault-chaos-'));
    },
    async close() {
      await bao?.close();
      await rm(folder, { recursive: true });
    },
    refusals: [
      refusal('sealed', 'away', () => ({
        strike: () => bao.api('sys/seal', {}),
        async mend() {
          await bao.api('sys/unseal', { key: bao.unsealKey });
          // Its storage is mounted a moment later.
          for (let tries = 0; (await bao.api('sys/health').catch(() => undefined)) === undefined; tries++) {
            if (tries === 100) throw new Error('it stays sealed');
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        },
      })),
      refusal('standby that redirects to another host', 'untrusted', () =>
        redirect(({ url }) => `https://active.example:8200${url}`),
      ),
      refusal('standby that redirects within its host', 'served', () =>
        redirect(({ url = '' }) => (url.endsWith('?active') ? undefined : `${url}?active`)),
      ),
      refusal('standby that serves no reads', 'away', () => ({ answer: async (response) => send(response, standby) })),
      refusal(
        'login revoked, another can be had',
        'served',
        () => ({ strike: revokeAppRoleLogins, mend: async () => undefined }),
        byAppRole,
      ),
      refusal('login revoked', 'denied', ({ policy, tokenFile }) => ({
        strike: async () => bao.api('auth/token/revoke', { token: await readFile(tokenFile, 'utf8') }),
        mend: async () => writeFile(tokenFile, await newToken(bao, { policies: [policy] })),
      })),
      refusal('permission removed', 'denied', ({ policy, name }) => ({
        strike: () => allow(policy, name, 'deny'),
        mend: () => allow(policy, name, 'read'),
      })),
      refusal('secret deleted', 'missing', ({ name }) => ({
        strike: () => bao.api(`secret/data/${name}`, undefined, { method: 'DELETE' }),
        mend: () => bao.api(`secret/undelete/${name}`, { versions: [1] }),
      })),
    ],
  };
}
