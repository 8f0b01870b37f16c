import { constants, createHash, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { type Claims, decodeJwt } from './jwt.js';

/** A token issuer outside Entra, such as a Kubernetes cluster, whose subject may act as an application. */
export interface FederatedCredential {
  issuer: string;
  subject: string;
  publicKey: KeyObject;
}

/** An application's ways to prove itself. */
export interface AssertionTrust {
  clientId: string;
  /** PEM. */
  certificate?: string;
  federated?: FederatedCredential;
}

export interface AssertionRefusal {
  aadsts: number;
  reason: string;
}

/** Entra's own audience for federated tokens. */
export const FEDERATED_AUDIENCE = 'api://AzureADTokenExchange';

/**
 * Checks a client assertion (RFC 7523) as Entra does.
 * @param tokenEndpoint the audience of an assertion that the application signed itself
 * @param now Unix seconds
 */
export function refuseAssertion(
  assertion: string,
  trust: AssertionTrust,
  tokenEndpoint: string,
  now: number,
): AssertionRefusal | undefined {
  const jwt = decodeJwt(assertion);
  if (jwt === undefined) return { aadsts: 50027, reason: 'the assertion is not a JWT' };
  const { claims } = jwt;
  if (typeof claims['exp'] !== 'number' || claims['exp'] <= now || Number(claims['nbf'] ?? 0) > now + 300) {
    return { aadsts: 700024, reason: 'the assertion is not within its valid time range' };
  }
  return claims['iss'] === trust.clientId
    ? refuseSelfSigned(jwt, claims, trust, tokenEndpoint)
    : refuseFederated(jwt, claims, trust.federated);
}

type Jwt = NonNullable<ReturnType<typeof decodeJwt>>;

function refuseSelfSigned(
  { header, content, signature }: Jwt,
  claims: Claims,
  { clientId, certificate }: AssertionTrust,
  tokenEndpoint: string,
): AssertionRefusal | undefined {
  if (certificate === undefined) return { aadsts: 700027, reason: 'the application has no certificate' };
  const { raw, publicKey } = new X509Certificate(certificate);
  const thumbprint = (algorithm: string) => createHash(algorithm).update(raw).digest('base64url');
  const known = header['x5t#S256'] === thumbprint('sha256') || header['x5t'] === thumbprint('sha1');
  if (!known) return { aadsts: 700027, reason: 'the thumbprint is not of a registered certificate' };
  const padding = header['alg'] === 'PS256' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  if (!verify('sha256', Buffer.from(content), { key: publicKey, padding }, signature)) {
    return { aadsts: 700027, reason: 'the signature does not fit the certificate' };
  }
  if (claims['sub'] !== clientId) return { aadsts: 700021, reason: 'the subject is not the application' };
  if (claims['aud'] !== tokenEndpoint) return { aadsts: 700023, reason: 'the audience is not the token endpoint' };
  if (typeof claims['jti'] !== 'string') return { aadsts: 50027, reason: 'the assertion has no jti' };
  return undefined;
}

function refuseFederated(
  { content, signature }: Jwt,
  claims: Claims,
  federated: FederatedCredential | undefined,
): AssertionRefusal | undefined {
  if (federated === undefined) return { aadsts: 70021, reason: 'no matching federated identity record' };
  if (claims['iss'] !== federated.issuer) return { aadsts: 700211, reason: 'no matching issuer' };
  if (claims['aud'] !== FEDERATED_AUDIENCE) return { aadsts: 700212, reason: 'no matching audience' };
  if (claims['sub'] !== federated.subject) return { aadsts: 700213, reason: 'no matching subject' };
  return verify('sha256', Buffer.from(content), federated.publicKey, signature)
    ? undefined
    : { aadsts: 50027, reason: 'the signature is not of the issuer' };
}
