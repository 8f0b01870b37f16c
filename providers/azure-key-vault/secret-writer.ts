import type { SecretClient, SecretProperties, SetSecretOptions } from '@azure/keyvault-secrets';
import { ImsvaultError } from '../../src/errors.js';
import type { VaultCall } from './vault-call.js';

/** Source: "Azure Key Vault service limits". */
const MAX_VALUE_BYTES = 25 * 1024;

export interface SecretWrite extends Pick<SetSecretOptions, 'contentType' | 'expiresOn' | 'tags'> {
  value: string;
  /** Whether to make the secret where there is none. */
  create: boolean;
}

/** Adds a version, which becomes the current one whatever was there. @returns it, without its value */
export type WriteSecret = (name: string, write: SecretWrite, signal: AbortSignal) => Promise<SecretProperties>;

export function createSecretWriter(
  client: SecretClient,
  call: VaultCall,
  describe: (name: string) => string,
): WriteSecret {
  return async (name, { value, create, ...properties }, signal) => {
    const place = describe(name);
    if (Buffer.byteLength(value) > MAX_VALUE_BYTES) {
      throw new ImsvaultError('ERR_SECRET_MALFORMED', `${place}: the value is larger than ${MAX_VALUE_BYTES} bytes`);
    }
    // A write cannot ask for this itself. Between the two, soft delete keeps the name of a secret that was there.
    if (!create) await call({ place, permission: 'get', signal }, (options) => client.getSecret(name, options));
    const written = await call({ place, permission: 'set', signal }, (options) =>
      client.setSecret(name, value, { ...properties, enabled: true, ...options }),
    );
    return written.properties;
  };
}
