import { type Redacted, reveal } from '../redacted.js';

/** Production. Source: AdobeDocs/workfront-fusion-apis, authentication. */
export const DEFAULT_TOKEN_ENDPOINT = 'https://ims-na1.adobelogin.com/ims/token/v3';

/** What Workfront Fusion's API asks for. Source: AdobeDocs/workfront-fusion-apis, authentication. */
export const DEFAULT_SCOPE: readonly string[] = [
  'openid',
  'AdobeID',
  'profile',
  'additional_info.projectedProductContext',
];

export interface TokenRequest {
  clientId: string;
  clientSecret: Redacted<string>;
  /** Where empty, the request names none. */
  scope: readonly string[];
  /** Only for clients that are not owned by one organisation. */
  orgId?: string | undefined;
}

/**
 * The form body of RFC 6749 §4.4.2, with the client's authentication in it (§2.3.1) as IMS wants it: never in the
 * query, which servers log. IMS joins scopes by a bare comma; the RFC's space has failed there.
 */
export function tokenRequestBody({ clientId, clientSecret, scope, orgId }: TokenRequest): string {
  return new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: reveal(clientSecret),
    ...(scope.length === 0 ? {} : { scope: scope.join(',') }),
    ...(orgId === undefined ? {} : { org_id: orgId }),
  }).toString();
}
