import { randomUUID } from 'node:crypto';
import { type StandInReply, type StandInRequest, type StandInServer, startStandInServer } from './stand-in-server.js';
import type { TokenIssuer } from './token-issuer.js';

/** The identities that a machine has. */
export interface AssignedIdentities {
  /** Client id of the system-assigned identity. */
  system?: string;
  user?: { clientId: string; resourceId: string }[];
}

export interface AppServiceStandIn extends StandInServer {
  /** What App Service and Container Apps set for their programs. */
  readonly env: { IDENTITY_ENDPOINT: string; IDENTITY_HEADER: string };
}

/** The identity endpoint of App Service, Functions and Container Apps. */
export async function startAppServiceIdentity(
  issuer: TokenIssuer,
  identities: AssignedIdentities,
): Promise<AppServiceStandIn> {
  const secret = randomUUID();
  const server = await startStandInServer((request) => {
    if (request.path !== '/msi/token' || request.method !== 'GET') return { status: 404, text: 'not found' };
    if (request.headers['x-identity-header'] !== secret)
      return { status: 401, json: { message: 'wrong identity header' } };
    if (request.query.get('api-version') !== '2019-08-01') return { status: 400, json: { message: 'api-version' } };
    return tokenReply(issuer, identities, request, 'mi_res_id', {
      statusCode: 400,
      message: 'No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.',
    });
  });
  return Object.assign(server, { env: { IDENTITY_ENDPOINT: `${server.url}/msi/token`, IDENTITY_HEADER: secret } });
}

export interface ImdsStandIn extends StandInServer {
  readonly env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: string };
}

/** The Instance Metadata Service of a virtual machine. */
export async function startImds(issuer: TokenIssuer, identities: AssignedIdentities): Promise<ImdsStandIn> {
  const server = await startStandInServer((request) => {
    if (request.headers['x-forwarded-for'] !== undefined) return invalid('Forwarded requests are refused');
    if (request.headers['metadata'] !== 'true') return invalid('Required metadata header not specified');
    // MSAL adds a slash when the host comes from the environment.
    if (!/^\/metadata\/identity\/oauth2\/token\/?$/.test(request.path)) return { status: 404, text: 'not found' };
    if (request.query.get('api-version') !== '2018-02-01') return invalid('api-version is not supported');
    return tokenReply(issuer, identities, request, 'msi_res_id', {
      error: 'invalid_request',
      error_description: 'Identity not found',
    });
  });
  return Object.assign(server, { env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: server.url } });
}

function invalid(description: string): StandInReply {
  return { status: 400, json: { error: 'invalid_request', error_description: description } };
}

function tokenReply(
  issuer: TokenIssuer,
  { system, user = [] }: AssignedIdentities,
  { query }: StandInRequest,
  resourceIdParameter: string,
  notFound: object,
): StandInReply {
  const resource = query.get('resource');
  if (resource === null) return invalid('resource is required');
  const [clientId, resourceId] = [query.get('client_id'), query.get(resourceIdParameter)];
  const identity =
    clientId === null && resourceId === null
      ? system
      : user.find((each) => each.clientId === clientId || each.resourceId === resourceId)?.clientId;
  if (identity === undefined) return { status: 400, json: notFound };
  const lifetime = 86_400;
  return {
    status: 200,
    json: {
      access_token: issuer.issue(identity, resource, lifetime),
      client_id: identity,
      expires_in: String(lifetime),
      expires_on: String(Math.floor(issuer.clock.now() / 1000) + lifetime),
      resource,
      token_type: 'Bearer',
    },
  };
}
