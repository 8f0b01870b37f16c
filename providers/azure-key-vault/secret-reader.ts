import type { SecretClient, SecretProperties } from '@azure/keyvault-secrets';
import { ImsvaultError } from '../../src/errors.js';
import { redact } from '../../src/redacted.js';
import type { ProviderContext, SecretVersion } from '../../src/secret/provider.js';
import { TOKEN_TYPE } from './content-type.js';
import { createdAt, type ListVersions } from './secret-versions.js';
import { serverTimeOf, type VaultCall } from './vault-call.js';
import type { VaultAnswer } from './vault-error.js';

export interface SecretReader {
  read(name: string, version: string | undefined, signal: AbortSignal): Promise<SecretVersion>;
  /** The newest enabled version before the current one; none where the login may not list versions. */
  readPrevious(name: string, signal: AbortSignal): Promise<SecretVersion[]>;
}

export interface SecretReaderOptions {
  client: SecretClient;
  context: ProviderContext;
  call: VaultCall;
  list: ListVersions;
  describe: (name: string, version?: string) => string;
  /** The current version of each secret, by its name, without its value: as last read or written here. */
  current: Map<string, SecretProperties>;
}

export function createSecretReader(options: SecretReaderOptions): SecretReader {
  const { client, context, call, list, describe, current } = options;
  const warned = new Set<string>();

  /** Key Vault serves a secret past its expiry; only a person can tell whether that is meant. A token's end is. */
  function warnOnce(place: string, { name, version, expiresOn, contentType }: SecretProperties): void {
    const id = `${name}/${version}`;
    if (contentType === TOKEN_TYPE || warned.has(id)) return;
    if (expiresOn === undefined || expiresOn.getTime() > context.clock.now()) return;
    warned.add(id);
    context.warn(`${place} has expired (${expiresOn.toISOString()}); Key Vault still serves it. Store a new version.`);
  }

  async function get(name: string, version: string | undefined, signal: AbortSignal) {
    const answers: VaultAnswer[] = [];
    const { value, properties } = await call(
      { place: describe(name, version), permission: 'get', signal, onAnswer: (answer) => void answers.push(answer) },
      (options) => client.getSecret(name, { ...options, ...(version === undefined ? {} : { version }) }),
    );
    const { version: id = '', createdOn } = properties;
    const read: SecretVersion = {
      value: redact(value ?? ''),
      id,
      ...(createdOn === undefined ? {} : { createdAt: createdOn.getTime() }),
      ...serverTimeOf(answers.at(-1)),
    };
    return { read, properties };
  }

  async function listAllowed(name: string, signal: AbortSignal): Promise<SecretProperties[]> {
    try {
      return (await list(name, describe(name), signal)).versions;
    } catch (error) {
      if (isForbidden(error)) return [];
      throw error;
    }
  }

  return {
    async read(name, version, signal) {
      const { read, properties } = await get(name, version, signal);
      warnOnce(describe(name, version), properties);
      if (version === undefined) current.set(name, properties);
      return read;
    },
    async readPrevious(name, signal) {
      const versions = await listAllowed(name, signal);
      // The list alone does not tell which of one second is current.
      const known = current.get(name);
      const newest = versions.find(({ version }) => version === known?.version) ?? versions[0];
      const previous = versions.find(
        (each) =>
          each.enabled === true && each !== newest && newest !== undefined && createdAt(each) <= createdAt(newest),
      );
      return previous?.version === undefined ? [] : [(await get(name, previous.version, signal)).read];
    },
  };
}

function isForbidden(error: unknown): boolean {
  return (
    error instanceof ImsvaultError &&
    error.cause instanceof Object &&
    'status' in error.cause &&
    error.cause.status === 403
  );
}
