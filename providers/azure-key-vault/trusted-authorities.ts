import { rootCertificates } from 'node:tls';
import { reveal } from '../../src/redacted.js';
import { readSecretFile } from '../../src/secret/secret-file.js';

/** A bundle of all public authorities is about 250 KB. */
const MAX_BYTES = 1024 * 1024;

/**
 * The private authority besides the public ones: the vault and the login service are two servers, and often only one
 * of them is private or behind an inspecting proxy.
 */
export async function trustedAuthorities(caFile: string | undefined, baseDir: string): Promise<string[] | undefined> {
  if (caFile === undefined) return undefined;
  return [...rootCertificates, reveal(await readSecretFile(caFile, baseDir, 'caFile', { maxBytes: MAX_BYTES }))];
}
