import type { SecretClient, SecretProperties } from '@azure/keyvault-secrets';
import type { SecretMetadata } from '../../src/secret/provider.js';
import { TOKEN_TYPE } from './content-type.js';
import { createdAt, type ListVersions } from './secret-versions.js';
import type { CallTarget, VaultCall } from './vault-call.js';

export interface AnnotatorOptions {
  client: SecretClient;
  call: VaultCall;
  list: ListVersions;
  describe: (name: string) => string;
  /** The current version of each secret, by its name. Updated here. */
  current: Map<string, SecretProperties>;
  /** Fills `current`. */
  read: (name: string, signal: AbortSignal) => Promise<unknown>;
}

type Annotate = (
  name: string,
  metadata: SecretMetadata,
  disablePreviousVersions: boolean,
  signal: AbortSignal,
) => Promise<void>;

/** The current one and the one before it, which somebody may have read just now. */
const KEPT_VERSIONS = 2;
/** Of one call, so that it ends in time; the next one goes on. */
const MAX_DISABLED = 10;
const OWN_TAG = /^imsvault-/;

/** Expiry and tags of the current version, only where they changed; tags of other names stay. */
export function createAnnotator({ client, call, list, describe, current, read }: AnnotatorOptions): Annotate {
  async function disablePrevious(name: string, target: CallTarget): Promise<void> {
    const { versions } = await list(name, target.place, target.signal);
    const oldestKept = versions[KEPT_VERSIONS - 1];
    if (oldestKept === undefined) return;
    const isOld = (each: SecretProperties) =>
      // Of one second, the list does not tell which is current.
      createdAt(each) < createdAt(oldestKept) && each.enabled === true && each.contentType === TOKEN_TYPE;
    for (const { version = '' } of versions.filter(isOld).slice(0, MAX_DISABLED)) {
      await call(target, (options) => client.updateSecretProperties(name, version, { enabled: false, ...options }));
    }
  }

  return async (name, { expiresAt, generation, clientId }, disablePreviousVersions, signal) => {
    const target: CallTarget = { place: describe(name), permission: 'update', signal };
    if (!current.has(name)) await read(name, signal);
    const before = current.get(name);
    if (before?.version === undefined) return;
    const expiresOn = new Date(Math.floor(expiresAt / 1000) * 1000);
    const tags = {
      ...before.tags,
      'imsvault-generation': String(generation),
      'imsvault-client-id': clientId,
      'imsvault-expires-at': new Date(expiresAt).toISOString(),
    };
    if (isWritten(before, expiresOn, tags)) return;
    const { version } = before;
    const after = await call(target, (options) =>
      client.updateSecretProperties(name, version, { contentType: TOKEN_TYPE, expiresOn, tags, ...options }),
    );
    if (current.get(name)?.version === version) current.set(name, after);
    if (disablePreviousVersions) await disablePrevious(name, target);
  };
}

function isWritten(before: SecretProperties, expiresOn: Date, tags: Record<string, string>): boolean {
  return (
    before.contentType === TOKEN_TYPE &&
    before.expiresOn?.getTime() === expiresOn.getTime() &&
    Object.entries(tags).every(([name, text]) => before.tags?.[name] === text)
  );
}

/** The tags that people gave a version: the next one starts without any. */
export function foreignTags({ tags = {} }: Pick<SecretProperties, 'tags'>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([name]) => !OWN_TAG.test(name)));
}
