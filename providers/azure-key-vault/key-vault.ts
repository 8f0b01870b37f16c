import type { SecretClient, SecretProperties } from '@azure/keyvault-secrets';
import { ImsvaultError } from '../../src/errors.js';
import { type Redacted, redact, reveal } from '../../src/redacted.js';
import type {
  ElectedEntry,
  ElectionEntry,
  ProviderContext,
  SecretMetadata,
  SecretVersion,
} from '../../src/secret/provider.js';
import { createAnnotator, foreignTags } from './annotate.js';
import { TOKEN_TYPE } from './content-type.js';
import { createElection } from './election.js';
import type { AzureRef } from './options.js';
import { createSecretReader } from './secret-reader.js';
import { createVersionLister } from './secret-versions.js';
import { createSecretWriter } from './secret-writer.js';
import { createVaultCall } from './vault-call.js';

/** What the provider does with one vault, by the secrets that a ref names. */
export interface KeyVault {
  describe(ref: AzureRef): string;
  read(ref: AzureRef, signal: AbortSignal): Promise<SecretVersion>;
  readOthers(ref: AzureRef, signal: AbortSignal): Promise<SecretVersion[]>;
  put(ref: AzureRef, value: Redacted<string>, create: boolean, signal: AbortSignal): Promise<{ id: string }>;
  annotate(ref: AzureRef, metadata: SecretMetadata, signal: AbortSignal): Promise<void>;
  enter(ref: AzureRef, entry: ElectionEntry, create: boolean, signal: AbortSignal): Promise<ElectedEntry>;
  listEntries(
    ref: AzureRef,
    generation: number,
    signal: AbortSignal,
  ): Promise<{ entries: ElectedEntry[]; serverTime: number }>;
}

/** @param onUnauthorized called when the vault refuses the token itself */
export function createKeyVault(client: SecretClient, context: ProviderContext, onUnauthorized: () => void): KeyVault {
  const describeSecret = (name: string, version?: string) =>
    `Azure Key Vault secret "${name}"${version === undefined ? '' : ` (version ${version})`} at ${client.vaultUrl}`;
  const describe = ({ secretName, clientIdSecretName, clientSecretSecretName, version }: AzureRef) =>
    secretName === undefined
      ? `Azure Key Vault secrets "${clientIdSecretName}" and "${clientSecretSecretName}" at ${client.vaultUrl}`
      : describeSecret(secretName, version);

  const current = new Map<string, SecretProperties>();
  const call = createVaultCall(context.clock, onUnauthorized);
  const list = createVersionLister(client, call);
  const parts = { client, call, list, describe: describeSecret, current };
  const secrets = createSecretReader({ ...parts, context });
  const write = createSecretWriter(client, call, describeSecret);
  const annotate = createAnnotator({ ...parts, read: (name, signal) => secrets.read(name, undefined, signal) });
  const election = createElection({ write, list, clock: context.clock, describe: describeSecret });

  /** The one secret that can be written. */
  function writable(ref: AzureRef): string {
    const { secretName, version } = ref;
    if (secretName !== undefined && version === undefined) return secretName;
    const what = secretName === undefined ? 'two secrets cannot be written as one' : 'one version cannot be written';
    throw new ImsvaultError('ERR_SECRET_MALFORMED', `${describe(ref)}: ${what}`, {
      hint: 'A token store needs secretName alone: no version, no clientIdSecretName, no clientSecretSecretName.',
    });
  }

  return {
    describe,
    async read({ secretName, clientIdSecretName = '', clientSecretSecretName = '', version }, signal) {
      if (secretName !== undefined) return secrets.read(secretName, version, signal);
      const [id, secret] = await Promise.all([
        secrets.read(clientIdSecretName, undefined, signal),
        secrets.read(clientSecretSecretName, undefined, signal),
      ]);
      return compose(id, secret);
    },
    async readOthers({ secretName, clientIdSecretName = '', clientSecretSecretName = '', version }, signal) {
      if (version !== undefined) return [];
      if (secretName !== undefined) return secrets.readPrevious(secretName, signal);
      const others = await secrets.readPrevious(clientSecretSecretName, signal);
      if (others.length === 0) return [];
      const id = await secrets.read(clientIdSecretName, undefined, signal);
      return others.map((secret) => compose(id, secret));
    },
    async put(ref, value, create, signal) {
      const name = writable(ref);
      const tags = foreignTags(current.get(name) ?? {});
      const written = await write(name, { value: reveal(value), contentType: TOKEN_TYPE, tags, create }, signal);
      current.set(name, written);
      return { id: written.version ?? '' };
    },
    annotate: async (ref, metadata, signal) => annotate(writable(ref), metadata, ref.disablePreviousVersions, signal),
    enter: async (ref, entry, create, signal) => election.enter(writable(ref), entry, create, signal),
    listEntries: async (ref, generation, signal) => election.list(writable(ref), generation, signal),
  };
}

function compose(id: SecretVersion, secret: SecretVersion): SecretVersion {
  const created = [id.createdAt, secret.createdAt].filter((time) => time !== undefined);
  return {
    value: redact(JSON.stringify({ client_id: reveal(id.value), client_secret: reveal(secret.value) })),
    id: `${id.id}+${secret.id}`,
    ...(created.length === 0 ? {} : { createdAt: Math.max(...created) }),
    ...(secret.serverTime === undefined ? {} : { serverTime: secret.serverTime }),
  };
}
