import { defineProvider } from '../../src/secret/provider.js';
import { type VaultOptions, vaultOptions } from './options.js';
import { createVaultProvider } from './provider.js';

/** HashiCorp Vault and OpenBao: the KV secrets engine, versions 1 and 2. */
export default defineProvider<VaultOptions, 'mount' | 'path' | 'kvVersion' | 'version'>({
  name: 'vault',
  options: vaultOptions,
  refOptions: ['mount', 'path', 'kvVersion', 'version'],
  createProvider: (connection, context) => createVaultProvider(connection, context),
});
