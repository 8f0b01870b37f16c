import type { Redacted } from '../../src/redacted.js';
import type { SecretMetadata } from '../../src/secret/provider.js';
import { denied, type KvParts, kvFailure } from './kv-failure.js';
import { encodePath, metadataPath, policyPath, type VaultRef } from './paths.js';

export interface AnnotatorOptions {
  parts: KvParts;
  /** Fills `custom`. */
  read: (ref: VaultRef, token: Redacted<string>, signal: AbortSignal | undefined) => Promise<unknown>;
  /** The `custom_metadata` of each secret as an answer last gave it, by the secret's path. */
  custom: Map<string, Readonly<Record<string, string>>>;
}

type Annotate = (
  ref: VaultRef,
  metadata: SecretMetadata,
  token: Redacted<string>,
  signal: AbortSignal | undefined,
) => Promise<void>;

/** Enough to look back; a renewal makes two versions. */
const MAX_VERSIONS = 10;

/** `custom_metadata` and the bounds on old versions, in one request; none where nothing changed. */
export function createAnnotator({ parts, read, custom }: AnnotatorOptions): Annotate {
  const { client, describe } = parts;
  /** The bounds that this process has set: answers about a secret do not tell them. */
  const bounded = new Map<string, string>();

  return async (ref, { expiresAt, generation, clientId }, token, signal) => {
    const path = policyPath(ref, 2);
    // A write of the metadata replaces all of it, that of others too.
    if (!custom.has(path)) await read(ref, token, signal);
    const before = custom.get(path) ?? {};
    const own = {
      expires_at: new Date(expiresAt).toISOString(),
      generation: String(generation),
      client_id: clientId,
    };
    const bounds = {
      max_versions: ref.maxVersions ?? MAX_VERSIONS,
      ...(ref.deleteVersionAfter === undefined
        ? {}
        : { delete_version_after: `${Math.ceil(ref.deleteVersionAfter / 1000)}s` }),
    };
    const isWritten = Object.entries(own).every(([name, text]) => before[name] === text);
    if (isWritten && bounded.get(path) === JSON.stringify(bounds)) return;

    const body = { custom_metadata: { ...before, ...own }, ...bounds };
    const answer = await client.call(encodePath(metadataPath(ref)), { token, signal, body });
    if (answer.status === 403) {
      const place = `${describe(ref)}, its metadata`;
      throw denied(answer, place, metadataPath(ref), ['create', 'update'], client.address);
    }
    if (answer.status !== 204 && answer.status !== 200) throw kvFailure(answer, ref, 2, parts);
    custom.set(path, body.custom_metadata);
    bounded.set(path, JSON.stringify(bounds));
  };
}
