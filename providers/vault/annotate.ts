import { isDeepStrictEqual } from 'node:util';
import type { Redacted } from '../../src/redacted.js';
import type { SecretMetadata } from '../../src/secret/provider.js';
import { kv2Metadata } from './kv-answer.js';
import { type KvParts, kvFailure } from './kv-failure.js';
import { encodePath, metadataPath, type VaultRef } from './paths.js';
import type { VaultAnswer } from './transport.js';

type Annotate = (
  ref: VaultRef,
  metadata: SecretMetadata,
  token: Redacted<string>,
  signal: AbortSignal | undefined,
) => Promise<void>;

/** Enough to look back; a renewal makes two versions. */
const MAX_VERSIONS = 10;

/**
 * Three keys of `custom_metadata`, and the bounds on old versions; one read, and a write where something changed.
 * @throws as {@link kvFailure}
 */
export function createAnnotator(parts: KvParts): Annotate {
  const { client } = parts;

  return async (ref, { expiresAt, generation, clientId }, token, signal) => {
    const path = encodePath(metadataPath(ref));
    const fail = (answer: VaultAnswer) =>
      kvFailure(answer, ref, 2, parts, { path: metadataPath(ref), capabilities: ['read', 'update'] });

    const found = await client.call(path, { token, signal });
    const parsed = kv2Metadata.safeParse(found.body);
    if (found.status !== 200 || !parsed.success) throw fail(found);
    const { custom_metadata, max_versions, delete_version_after, current_metadata_version } = parsed.data.data;

    const wanted = {
      // A write replaces all keys, those of others too.
      custom_metadata: {
        ...custom_metadata,
        'imsvault:expires-at': new Date(expiresAt).toISOString(),
        'imsvault:generation': String(generation),
        'imsvault:client-id': clientId,
      },
      max_versions: ref.maxVersions ?? (max_versions || MAX_VERSIONS),
      delete_version_after:
        ref.deleteVersionAfter === undefined ? delete_version_after : goText(ref.deleteVersionAfter),
    };
    if (isDeepStrictEqual(wanted, { custom_metadata, max_versions, delete_version_after })) return;
    // Compare-and-swap of the metadata, where the server has it.
    const cas = current_metadata_version === undefined ? {} : { metadata_cas: current_metadata_version };
    const answer = await client.call(path, { token, signal, body: { ...wanted, ...cas } });
    if (answer.status !== 204 && answer.status !== 200) throw fail(answer);
  };
}

/** A duration of a minute or more as the server gives it back. */
function goText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours === 0 ? '' : `${hours}h`}${minutes}m${seconds % 60}s`;
}
