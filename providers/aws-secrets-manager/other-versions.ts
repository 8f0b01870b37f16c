import { ImsvaultError } from '../../src/errors.js';
import type { SecretVersion } from '../../src/secret/provider.js';
import type { AwsSecretRef } from './options.js';

/** A rotation by AWS's rules puts the next credential at the first, and leaves the last one at the second. */
const OTHER_STAGES = ['AWSPENDING', 'AWSPREVIOUS'] as const;

/**
 * The versions beside AWSCURRENT, where they exist; none where the config wants one version or stage and no other.
 * @param read reads one of them
 */
export async function readStages(
  ref: AwsSecretRef,
  read: (ref: AwsSecretRef) => Promise<SecretVersion>,
): Promise<SecretVersion[]> {
  if (ref.versionId !== undefined || (ref.versionStage ?? 'AWSCURRENT') !== 'AWSCURRENT') return [];
  const found: SecretVersion[] = [];
  for (const versionStage of OTHER_STAGES) {
    try {
      found.push(await read({ secretId: ref.secretId, versionStage }));
    } catch (error) {
      if (!(error instanceof ImsvaultError && error.code === 'ERR_SECRET_NOT_FOUND')) throw error;
    }
  }
  return found;
}
