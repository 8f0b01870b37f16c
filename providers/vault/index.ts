import { defineProvider } from '../../src/secret/provider.js';
import { type VaultOptions, vaultOptions } from './options.js';
import { createVaultProvider } from './provider.js';

/** HashiCorp Vault and OpenBao: the KV secrets engine, versions 1 and 2. */
export default defineProvider<VaultOptions, 'mount' | 'path' | 'version' | 'maxVersions' | 'deleteVersionAfter'>({
  name: 'vault',
  options: vaultOptions,
  refOptions: ['mount', 'path', 'version', 'maxVersions', 'deleteVersionAfter'],
  createProvider: (connection, context) => createVaultProvider(connection, context),
});
