import type { SecretClient } from '@azure/keyvault-secrets';
import { redact } from '../../src/redacted.js';
import type { ProviderContext, SecretVersion } from '../../src/secret/provider.js';
import { type VaultAnswer, vaultError } from './vault-error.js';

export interface SecretReader {
  describe(name: string, version?: string): string;
  read(name: string, version: string | undefined, signal: AbortSignal): Promise<SecretVersion>;
}

/** @param onUnauthorized called when the vault refuses the token itself */
export function createSecretReader(
  client: SecretClient,
  { clock, warn }: ProviderContext,
  onUnauthorized: () => void,
): SecretReader {
  const warned = new Set<string>();
  const describe = (name: string, version?: string) =>
    `Azure Key Vault secret "${name}"${version === undefined ? '' : ` (version ${version})`} at ${client.vaultUrl}`;

  /** Key Vault serves a secret past its expiry; only a person can tell whether that is meant. */
  function warnOnce(place: string, id: string, expiresOn: Date | undefined): void {
    if (expiresOn === undefined || expiresOn.getTime() > clock.now() || warned.has(id)) return;
    warned.add(id);
    warn(`${place} has expired (${expiresOn.toISOString()}); Key Vault still serves it. Store a new version.`);
  }

  return {
    describe,
    async read(name, version, abortSignal) {
      const answers: VaultAnswer[] = [];
      try {
        const { value, properties } = await client.getSecret(name, {
          ...(version === undefined ? {} : { version }),
          abortSignal,
          onResponse: (response) => void answers.push(response),
        });
        const { version: id = '', createdOn, expiresOn } = properties;
        warnOnce(describe(name, version), `${name}/${id}`, expiresOn);
        const serverTime = Date.parse(answers.at(-1)?.headers.get('date') ?? '');
        return {
          value: redact(value ?? ''),
          id,
          ...(createdOn === undefined ? {} : { createdAt: createdOn.getTime() }),
          ...(Number.isNaN(serverTime) ? {} : { serverTime }),
        };
      } catch (error) {
        if (abortSignal.aborted) throw abortSignal.reason;
        const answer = answers.at(-1);
        if (answer?.status === 401) onUnauthorized();
        throw vaultError(error, describe(name, version), clock, answer);
      }
    },
  };
}
