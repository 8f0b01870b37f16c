/** The claims of an IMS access token that are of use here. Unverified: for display and plausibility only. */
export interface TokenClaims {
  clientId?: string;
  /** Unix milliseconds. */
  createdAt?: number;
  lifetimeSeconds?: number;
}

/** IMS writes `created_at` and `expires_in` as texts of milliseconds; there is no `exp`. */
export function readClaims(token: string): TokenClaims | undefined {
  const [, payload] = token.split('.');
  if (payload === undefined) return undefined;
  let claims: Record<string, unknown>;
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof claims !== 'object' || claims === null) return undefined;
  const createdAt = milliseconds(claims.created_at);
  const expiresIn = milliseconds(claims.expires_in);
  return {
    ...(typeof claims.client_id === 'string' ? { clientId: claims.client_id } : {}),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(expiresIn === undefined ? {} : { lifetimeSeconds: expiresIn / 1000 }),
  };
}

function milliseconds(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number > 0 ? number : undefined;
}
