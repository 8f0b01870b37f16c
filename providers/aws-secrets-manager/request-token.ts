import { createHash } from 'node:crypto';

/** Made for imsvault. Never to change: all writers of a secret must come to the same tokens. */
const NAMESPACE = 'd83d38ac-5a5c-4cf5-9d0e-6a2c1f7b4e90';

/** Name-based UUID of RFC 9562 §5.5. */
export function uuidV5(namespace: string, name: string): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * The id that the version after `expected` will have, whoever writes it.
 * @param secret the secret's ARN; its name where it is still to be made
 * @param expected null: there is no current version
 */
export function successorId(secret: string, expected: string | null): string {
  return uuidV5(NAMESPACE, `${secret} ${expected ?? 'none'}`);
}
