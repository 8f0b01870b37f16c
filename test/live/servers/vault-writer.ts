import { expect } from 'vitest';
import { redact, reveal } from '../../../src/redacted.js';
import type { WriteOptions } from '../../../src/secret/provider.js';
import { failure, openVault } from '../../providers/vault/open.js';
import { expectNoSecrets } from '../../support/leaks.js';
import type { VaultServer } from './openbao.js';

const MARKED = 'marked-access-token';
export const METADATA = { expiresAt: Date.UTC(2030, 0, 2), generation: 7, clientId: 'client-1' };

/** What writers write, with a secret in it. */
export const documentOf = (id: unknown) => ({ id, access_token: MARKED, nested: { list: [1, 'ü漢😀'] } });

/** The calls of a provider with connections and a login of its own, as another process has. */
export async function openWriter(server: VaultServer, config: Record<string, unknown>, token = server.adminToken) {
  const { provider, ref } = await openVault({
    address: server.address,
    auth: { method: 'token', token },
    ...(server.caFile === undefined ? {} : { tls: { caFile: server.caFile } }),
    ...config,
  });
  const { replaceSecret, putSecret, annotateSecret, readOtherVersions } = provider;
  const value = (id: unknown) => redact(JSON.stringify(documentOf(id)));
  return {
    read: async () => {
      const { id, value } = await provider.readSecret(ref);
      return { id, document: JSON.parse(reveal(value)) };
    },
    replace: (id: unknown, expected: string | null, options?: WriteOptions) =>
      replaceSecret?.(ref, value(id), expected, options) ?? expect.unreachable('no replaceSecret'),
    put: (id: unknown) => putSecret?.(ref, value(id)) ?? expect.unreachable('no putSecret'),
    annotate: (metadata = METADATA) => annotateSecret?.(ref, metadata) ?? expect.unreachable('no annotateSecret'),
    others: async () => {
      const versions = (await readOtherVersions?.(ref)) ?? expect.unreachable('no readOtherVersions');
      return versions.map(({ id, value }) => [id, JSON.parse(reveal(value)).id as unknown]);
    },
    close: async () => provider.close?.(),
  };
}

/** The code of the error, which must not show the value. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await failure(promise);
  expectNoSecrets(error, [MARKED]);
  return error.code;
}
