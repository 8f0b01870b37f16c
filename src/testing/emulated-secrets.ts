import { randomBytes, randomUUID } from 'node:crypto';
import type { EmulatedIms } from './emulated-ims.js';
import { headerOf, type ImsAnswer, type ImsRequest, jsonAnswer } from './ims-message.js';

/** A client secret as the emulator keeps it. */
export interface EmulatedSecret {
  uuid: string;
  clientSecret: string;
  /** Unix milliseconds, by the emulator's clock. */
  createdAt: number;
  /** When a token was last issued for it, Unix milliseconds; absent: never. */
  lastUsedAt?: number;
}

/** What Adobe allows at a time. */
const MAX_SECRETS = 2;
const PATH = /^\/console\/organizations\/([^/]+)\/credentials\/([^/]+)\/secrets(?:\/([^/]+))?$/;
/** Those of Adobe's documentation for this API, but for the two that reading and writing need. */
const SCOPES = [
  'AdobeID',
  'openid',
  'read_organizations',
  'additional_info.projectedProductContext',
  'additional_info.roles',
  'adobeio_api',
];

export function newSecret(clientSecret: string, createdAt: number): EmulatedSecret {
  return { uuid: randomUUID(), clientSecret, createdAt };
}

export function isSecretsPath(path: string): boolean {
  return PATH.test(path);
}

/** Adobe's API for the client secrets of a credential: GET, POST and DELETE …/secrets. */
export function answerSecretsRequest(ims: EmulatedIms, request: ImsRequest): ImsAnswer {
  const [path = ''] = request.path.split('?');
  const [, orgId, credentialId, uuid] = PATH.exec(path) ?? [];
  const refusal = refuse(ims, request);
  if (refusal !== undefined) return refusal;
  const client = [...ims.clients.values()].find(
    (each) => each.consoleOrgId === orgId && each.credentialId === credentialId,
  );
  if (client === undefined) return gatewayError(404, '404', 'IMS emulator: no such credential');
  const secrets = ims.secrets.get(client.clientId) ?? [];

  if (request.method === 'GET' && uuid === undefined) {
    return jsonAnswer(200, { client_id: client.clientId, client_secrets: secrets.map(describe) });
  }
  if (request.method === 'POST' && uuid === undefined) {
    if ((request.body ?? '') !== '') return gatewayError(400, '400', 'IMS emulator: this request takes no body');
    if (secrets.length >= MAX_SECRETS) {
      return gatewayError(400, '400', `IMS emulator: the credential has ${MAX_SECRETS} client secrets already`);
    }
    const added = newSecret(`p8e-emulator-${randomBytes(18).toString('base64url')}`, ims.clock.now());
    ims.secrets.set(client.clientId, [...secrets, added]);
    // The only time that the value is given.
    return jsonAnswer(201, { ...describe(added), client_secret: added.clientSecret });
  }
  if (request.method === 'DELETE' && uuid !== undefined) {
    const rest = secrets.filter((secret) => secret.uuid !== uuid);
    if (rest.length === secrets.length) return gatewayError(404, '404', 'IMS emulator: no such client secret');
    ims.secrets.set(client.clientId, rest);
    return { kind: 'answer', status: 204, headers: {}, body: '' };
  }
  return gatewayError(405, '405', 'IMS emulator: GET and POST …/secrets, DELETE …/secrets/{uuid}');
}

/** What Adobe's gateway checks before the API itself is reached. */
function refuse(ims: EmulatedIms, request: ImsRequest): ImsAnswer | undefined {
  const apiKey = headerOf(request, 'x-api-key');
  if (apiKey === undefined || apiKey === '') return gatewayError(403, '403000', 'Api Key is required');
  const [, accessToken = ''] = /^Bearer (\S+)$/.exec(headerOf(request, 'authorization') ?? '') ?? [];
  const token = ims.tokens.get(accessToken);
  if (token === undefined || token.revoked || ims.clock.now() >= token.expiresAt) {
    return gatewayError(401, '401013', 'Oauth token is not valid');
  }
  if (token.clientId !== apiKey) return gatewayError(403, '403003', 'Api Key is invalid');
  const granted = token.scope.split(',');
  const needed = [...SCOPES, request.method === 'GET' ? 'read_client_secret' : 'manage_client_secrets'];
  const missing = needed.filter((name) => !granted.includes(name));
  if (missing.length === 0) return undefined;
  return gatewayError(403, '403', `IMS emulator: the token lacks the scope ${missing.join(', ')}`);
}

function describe({ uuid, createdAt, lastUsedAt }: EmulatedSecret) {
  const usages =
    lastUsedAt === undefined ? null : [{ last_used_at: String(lastUsedAt), grant_type: 'client_credentials' }];
  return { uuid, created_at: String(createdAt), expires_at: 'PERMANENT', secret_usages: usages };
}

function gatewayError(status: number, code: string, message: string): ImsAnswer {
  return jsonAnswer(status, { error_code: code, message });
}
