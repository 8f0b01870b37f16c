import { expect } from 'vitest';
import { vaultOptions } from '../../../providers/vault/options.js';
import type { VaultRef } from '../../../providers/vault/paths.js';
import { createVaultProvider } from '../../../providers/vault/provider.js';
import { ImsvaultError } from '../../../src/errors.js';
import type { ProviderContext } from '../../../src/secret/provider.js';
import { testContext } from '../../support/provider-context.js';

/** Options as a config gives them, through the schema, to a provider and its ref. */
export async function openVault(config: Record<string, unknown>, overrides: Partial<ProviderContext> = {}) {
  const { mount, path, version, maxVersions, deleteVersionAfter, ...connection } = vaultOptions.parse({
    path: 'ims/fusion',
    ...config,
  });
  // A test must not find the token of whoever runs it.
  const context = testContext({ env: { HOME: '/nonexistent' }, ...overrides });
  const ref: VaultRef = { mount, path, version, maxVersions, deleteVersionAfter };
  return { provider: await createVaultProvider(connection, context), ref, context };
}

export async function failure(promise: Promise<unknown>): Promise<ImsvaultError> {
  const error = await promise.then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ImsvaultError)) throw error;
  return error;
}
