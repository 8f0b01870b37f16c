import type { KeyPair } from './certificates.js';
import { type AssertionTrust, refuseAssertion } from './client-assertion.js';
import { type StandInReply, type StandInRequest, type StandInServer, startStandInServer } from './stand-in-server.js';
import type { TokenIssuer } from './token-issuer.js';

export interface Application extends AssertionTrust {
  secret?: string;
}

export interface EntraStandIn extends StandInServer {
  /** For `authorization=` in a challenge. */
  readonly authority: string;
  register(application: Application): void;
}

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Entra ID's login service: discovery and the client credentials grant, by secret, certificate or federated token. */
export async function startEntra(issuer: TokenIssuer, tls: KeyPair): Promise<EntraStandIn> {
  const applications = new Map<string, Application>();
  const base = () => `${server.url}/${issuer.tenantId}`;
  const server = await startStandInServer((request) => {
    const [, tenant, ...rest] = request.path.split('/');
    if (tenant !== issuer.tenantId) return refusal(400, 'invalid_request', 90002, `Tenant '${tenant}' not found.`);
    switch (`${request.method} ${rest.join('/')}`) {
      case 'GET v2.0/.well-known/openid-configuration':
        return { status: 200, json: discovery(base()) };
      case 'POST oauth2/v2.0/token':
        return grant(request);
      default:
        return { status: 404, text: 'not found' };
    }
  }, tls);

  function grant({ headers, body }: StandInRequest): StandInReply {
    if (!headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
      return refusal(400, 'invalid_request', 900144, 'The request body must be a form.');
    }
    const form = new URLSearchParams(body);
    if (form.get('grant_type') !== 'client_credentials') {
      return refusal(400, 'unsupported_grant_type', 70003, 'The app requested an unsupported grant type.');
    }
    const application = applications.get(form.get('client_id') ?? '');
    if (application === undefined) {
      return refusal(400, 'unauthorized_client', 700016, 'The application was not found in the directory.');
    }
    const audience = /^(https:\/\/[^ ]+)\/\.default$/.exec(form.get('scope') ?? '')?.[1];
    if (audience === undefined) return refusal(400, 'invalid_scope', 70011, 'The scope must end with /.default.');
    const refused = proofRefusal(application, form);
    if (refused !== undefined) return refused;
    const token = issuer.issue(application.clientId, audience);
    return { status: 200, json: { token_type: 'Bearer', expires_in: 3600, ext_expires_in: 3600, access_token: token } };
  }

  function proofRefusal(application: Application, form: URLSearchParams): StandInReply | undefined {
    const assertion = form.get('client_assertion');
    if (assertion === null) {
      const secret = form.get('client_secret');
      if (secret === null)
        return refusal(401, 'invalid_client', 7000218, 'client_assertion or client_secret is required.');
      return secret === application.secret
        ? undefined
        : refusal(401, 'invalid_client', 7000215, 'Invalid client secret provided.');
    }
    if (form.get('client_assertion_type') !== JWT_BEARER) {
      return refusal(401, 'invalid_client', 50027, 'The client_assertion_type is not supported.');
    }
    const now = Math.floor(issuer.clock.now() / 1000);
    const refused = refuseAssertion(assertion, application, `${base()}/oauth2/v2.0/token`, now);
    return refused === undefined ? undefined : refusal(401, 'invalid_client', refused.aadsts, refused.reason);
  }

  return Object.assign(server, {
    authority: base(),
    register: (application: Application) => void applications.set(application.clientId, application),
  });
}

function discovery(base: string) {
  return {
    token_endpoint: `${base}/oauth2/v2.0/token`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    jwks_uri: `${base}/discovery/v2.0/keys`,
    issuer: `${base}/v2.0`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
  };
}

function refusal(status: number, error: string, code: number, text: string): StandInReply {
  return {
    status,
    json: {
      error,
      error_description: `AADSTS${code}: ${text} Trace ID: 0 Correlation ID: 0`,
      error_codes: [code],
      trace_id: '0',
      correlation_id: '0',
    },
  };
}
