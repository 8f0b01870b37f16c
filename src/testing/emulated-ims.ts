import type { Clock } from '../clock.js';
import type { EmulatedSecret } from './emulated-secrets.js';
import { headerOf, type ImsAnswer, type ImsRequest, jsonAnswer, oauthError, readForm } from './ims-message.js';
import { type IssuedToken, issueToken } from './issued-token.js';

/** A client that the emulator knows, as if made in the Adobe Developer Console. */
export interface EmulatedClient {
  clientId: string;
  /** All of them work. IMS allows two at a time. */
  clientSecrets: readonly string[];
  /** What the client may ask for. Default: Fusion's scopes and those of the Developer Console's rotation API. */
  scopes?: readonly string[];
  /** Where given, a request's `org_id` must be this one if it has any. */
  orgId?: string;
  /**
   * Number of the organisation in the Developer Console, and the credential's id there: with both, Adobe's API for client
   * secrets knows the client.
   */
  consoleOrgId?: string;
  credentialId?: string;
}

/** What the endpoints share. */
export interface EmulatedIms {
  readonly clock: Clock;
  readonly expiresInSeconds: number;
  readonly clients: Map<string, EmulatedClient>;
  /** By client id. */
  readonly secrets: Map<string, readonly EmulatedSecret[]>;
  /** By token. */
  readonly tokens: Map<string, IssuedToken>;
}

/** Written out here, not taken from src/ims: what judges that code must not share its mistakes. */
const DEFAULT_SCOPES: readonly string[] = [
  'openid',
  'AdobeID',
  'profile',
  'additional_info.projectedProductContext',
  'additional_info.roles',
  'read_organizations',
  'adobeio_api',
  'read_client_secret',
  'manage_client_secrets',
];

/** RFC 6749 §4.4.2 with IMS's rules and texts. */
export function answerTokenRequest(ims: EmulatedIms, request: ImsRequest): ImsAnswer {
  const form = readForm(request);
  if ('kind' in form) return form;
  if (form.get('grant_type') !== 'client_credentials') {
    return oauthError(400, 'unsupported_grant_type', 'grant_type must be client_credentials');
  }
  const client = ims.clients.get(form.get('client_id') ?? '');
  if (client === undefined) return oauthError(400, 'invalid_client', 'invalid client_id parameter');
  const secret = ims.secrets
    .get(client.clientId)
    ?.find(({ clientSecret }) => clientSecret === form.get('client_secret'));
  if (secret === undefined) return oauthError(400, 'invalid_client', 'invalid client_secret parameter');
  const orgId = form.get('org_id');
  if (orgId !== null && client.orgId !== undefined && orgId !== client.orgId) {
    return oauthError(400, 'invalid_request', 'invalid org_id parameter');
  }
  const scope = form.get('scope') ?? '';
  const allowed = client.scopes ?? DEFAULT_SCOPES;
  // A space between scopes makes one unknown name of two: IMS wants bare commas.
  if (!scope.split(',').every((name) => allowed.includes(name))) {
    return oauthError(400, 'invalid_scope', 'invalid scope parameter');
  }
  const { clientId } = client;
  const token = issueToken({ clientId, scope, issuedAt: ims.clock.now(), expiresInSeconds: ims.expiresInSeconds });
  ims.tokens.set(token.accessToken, token);
  secret.lastUsedAt = ims.clock.now();
  return jsonAnswer(
    200,
    { access_token: token.accessToken, token_type: 'bearer', expires_in: ims.expiresInSeconds },
    { 'cache-control': 'no-store' },
  );
}

/** `{"valid": boolean, "reason"?}` with status 200: the caller reads `valid`, not the status. */
export function answerValidation(ims: EmulatedIms, request: ImsRequest): ImsAnswer {
  const form = readForm(request);
  if ('kind' in form) return form;
  const clientId = form.get('client_id') ?? '';
  if (!ims.clients.has(clientId)) return oauthError(400, 'invalid_client', 'invalid client_id parameter');
  if (headerOf(request, 'x-ims-clientid') !== clientId) {
    return oauthError(400, 'invalid_request', 'the header X-IMS-ClientId must be the client_id parameter');
  }
  if (form.get('type') !== 'access_token') return oauthError(400, 'invalid_request', 'type must be access_token');
  const reason = invalidReason(ims, clientId, form.get('token') ?? '');
  return jsonAnswer(200, reason === undefined ? { valid: true } : { valid: false, reason });
}

function invalidReason(ims: EmulatedIms, clientId: string, accessToken: string): string | undefined {
  const token = ims.tokens.get(accessToken);
  if (token === undefined) return 'unknown';
  if (token.clientId !== clientId) return 'issued to another client';
  if (token.revoked) return 'revoked';
  return ims.clock.now() >= token.expiresAt ? 'expired' : undefined;
}
