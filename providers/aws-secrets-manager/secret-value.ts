import type { GetSecretValueCommandOutput } from '@aws-sdk/client-secrets-manager';
import { ImsvaultError } from '../../src/errors.js';
import { redact } from '../../src/redacted.js';
import type { SecretVersion } from '../../src/secret/provider.js';
import type { AwsSecretRef } from './options.js';

/** AWSCURRENT is asked for by name: not every server of this API takes it for the default after a rotation. */
export function toInput({ secretId, versionId, versionStage }: AwsSecretRef) {
  return {
    SecretId: secretId,
    ...(versionId === undefined ? { VersionStage: versionStage ?? 'AWSCURRENT' } : { VersionId: versionId }),
    ...(versionId !== undefined && versionStage !== undefined ? { VersionStage: versionStage } : {}),
  };
}

/** @throws ERR_SECRET_MALFORMED */
export function toVersion(
  output: GetSecretValueCommandOutput,
  { versionStage = 'AWSCURRENT' }: AwsSecretRef,
  place: string,
  serverTime: number | undefined,
): SecretVersion {
  const { VersionId: id, VersionStages: stages = [], CreatedDate: created } = output;
  if (id === undefined) throw malformed(place, 'the answer names no version');
  const stage = stages.includes(versionStage) ? versionStage : stages[0];
  return {
    value: decodeValue(output, place),
    id,
    ...(created === undefined ? {} : { createdAt: created.getTime() }),
    ...(stage === undefined ? {} : { stage }),
    ...(serverTime === undefined ? {} : { serverTime }),
  };
}

function decodeValue({ SecretString: text, SecretBinary: bytes }: GetSecretValueCommandOutput, place: string) {
  if (text !== undefined) return redact(text);
  if (bytes === undefined) throw malformed(place, 'it has no value');
  try {
    return redact(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw malformed(place, 'it is binary and not UTF-8 text', 'Store the credential as JSON text.');
  }
}

function malformed(place: string, message: string, hint?: string): ImsvaultError {
  return new ImsvaultError('ERR_SECRET_MALFORMED', `${place}: ${message}`, { hint });
}
