import type { ProviderModule } from '../src/secret/provider.js';

/** What every provider's module is to the code that does not know which one it has. */
// biome-ignore lint/suspicious/noExplicitAny: the options' type is the module's own; its schema checks them at run time
export type AnyProviderModule = ProviderModule<any, any>;

type Load = () => Promise<{ default: AnyProviderModule }>;

/** Name in the config → the module. A module loads its vendor's SDK only when it creates its provider. */
export const builtInProviders: Readonly<Record<string, Load>> = {
  env: () => import('./env/index.js'),
  file: () => import('./file/index.js'),
  vault: () => import('./vault/index.js'),
  'aws-secrets-manager': () => import('./aws-secrets-manager/index.js'),
  'azure-key-vault': () => import('./azure-key-vault/index.js'),
};
