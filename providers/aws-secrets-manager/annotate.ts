import type { SecretMetadata } from '../../src/secret/provider.js';
import type { Sdk } from './clients.js';
import type { AwsSecretRef } from './options.js';
import type { Session } from './session.js';

type Annotate = (ref: AwsSecretRef, metadata: SecretMetadata, signal: AbortSignal) => Promise<void>;

/** Metadata as tags of the secret; tags of other names stay. What this process wrote last is not written again. */
export function createAnnotator({ secretsManager }: Sdk, session: Session): Annotate {
  const written = new Map<string, string>();
  return async ({ secretId }, { expiresAt, generation, clientId }, signal) => {
    const Tags = [
      { Key: 'imsvault:expires-at', Value: new Date(expiresAt).toISOString() },
      { Key: 'imsvault:generation', Value: String(generation) },
      { Key: 'imsvault:client-id', Value: clientId },
    ];
    const text = JSON.stringify(Tags);
    if (written.get(secretId) === text) return;
    const command = new secretsManager.TagResourceCommand({ SecretId: secretId, Tags });
    await session.call({ secretId }, command, signal, 'write');
    written.set(secretId, text);
  };
}
