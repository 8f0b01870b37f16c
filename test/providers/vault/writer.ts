import { expect } from 'vitest';
import { redact, reveal } from '../../../src/redacted.js';
import type { WriteOptions } from '../../../src/secret/provider.js';
import { expectNoSecrets } from '../../support/leaks.js';
import type { FakeVault, SeenRequest } from './fake-vault.js';
import { failure as errorOf, openVault } from './open.js';

const MARKED = 'marked-access-token';
export const PATH = 'ims/token';

/** What {@link openWriter} writes. */
export const documentOf = (id: number) => ({ id, access_token: MARKED });
const value = (id: number) => redact(JSON.stringify(documentOf(id)));

/** A provider with the token `t`, and its calls for the secret {@link PATH}. */
export async function openWriter(server: FakeVault, config: Record<string, unknown> = {}) {
  const auth = { method: 'token', token: 't' };
  const { provider, ref } = await openVault({ address: server.address, path: PATH, auth, ...config });
  return {
    provider,
    ref,
    read: async () => JSON.parse(reveal((await provider.readSecret(ref)).value)).id,
    replace: (id: number, expected: string | null, options?: WriteOptions) =>
      provider.replaceSecret?.(ref, value(id), expected, options) ?? expect.unreachable('it has no replaceSecret'),
    put: (id: number, options?: WriteOptions) =>
      provider.putSecret?.(ref, value(id), options) ?? expect.unreachable('it has no putSecret'),
  };
}

/** The error, which must not show the value. */
export async function failure(promise: Promise<unknown>) {
  const error = await errorOf(promise);
  expectNoSecrets(error, [MARKED]);
  return error;
}

export const isWrite = ({ method, path }: SeenRequest) => method === 'POST' && path.startsWith('secret/data/');
export const writesOf = (server: FakeVault) => server.requests.filter(isWrite).map(({ body }) => body);
