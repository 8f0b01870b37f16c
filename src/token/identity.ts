import { createHash } from 'node:crypto';

/** What makes two tokens interchangeable. Known without reading the credential, so a consumer can know it too. */
export interface TokenIdentity {
  tokenEndpoint: string;
  /** Undefined where the secret may name its own scopes. */
  scope: readonly string[] | undefined;
  orgId: string | undefined;
  /** Only where the config fixes it. */
  clientId: string | undefined;
}

/** SHA-256, base64url, of the identity's parts. Holds no secret and nothing that one could be guessed from. */
export function identityOf({ tokenEndpoint, scope, orgId, clientId }: TokenIdentity): string {
  const parts = [tokenEndpoint, scope === undefined ? null : [...scope].sort(), orgId ?? null, clientId ?? null];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

/** An identity as every store takes it in a secret's name: 64 hexadecimal digits. */
export function identityInNames(identity: string): string {
  return Buffer.from(identity, 'base64url').toString('hex');
}
