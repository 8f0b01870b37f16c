import type { ZodType } from 'zod';
import { awsSecretsManagerOptions } from './aws-secrets-manager/options.js';
import { azureKeyVaultOptions } from './azure-key-vault/options.js';
import { envOptions } from './env/options.js';
import { fileOptions } from './file/options.js';
import { vaultOptions } from './vault/options.js';

/** Name in the config → its options. Apart from the registry: the JSON Schema and the environment table need them all. */
export const optionSchemas = {
  'aws-secrets-manager': awsSecretsManagerOptions,
  vault: vaultOptions,
  'azure-key-vault': azureKeyVaultOptions,
  env: envOptions,
  file: fileOptions,
} as const satisfies Readonly<Record<string, ZodType>>;
