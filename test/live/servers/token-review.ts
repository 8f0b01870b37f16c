import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

/** An RS256 JWT. */
export function signJwt(claims: object, key: KeyObject): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${content}.${sign('sha256', Buffer.from(content), key).toString('base64url')}`;
}

export interface TokenReviewServer {
  url: string;
  /** The bearer token that the caller must show. */
  reviewerToken: string;
  /** A service account token as a projected volume holds it. */
  issue(namespace: string, name: string): string;
  /** How many reviews were asked for. */
  reviews(): number;
  close(): Promise<void>;
}

/** The one part of the Kubernetes API that Vault's login needs: POST /apis/authentication.k8s.io/v1/tokenreviews. */
export async function startTokenReview(): Promise<TokenReviewServer> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const reviewerToken = signJwt({ sub: 'system:serviceaccount:vault:reviewer' }, privateKey);
  const issued = new Map<string, { namespace: string; name: string; uid: string }>();
  let reviews = 0;

  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const respond = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.method !== 'POST' || request.url !== '/apis/authentication.k8s.io/v1/tokenreviews') {
      respond(404, { kind: 'Status', status: 'Failure', code: 404 });
      return;
    }
    if (request.headers.authorization !== `Bearer ${reviewerToken}`) {
      respond(401, { kind: 'Status', status: 'Failure', code: 401 });
      return;
    }
    reviews++;
    const { spec } = JSON.parse(text) as { spec: { token: string; audiences?: string[] } };
    const account = issued.get(spec.token);
    respond(201, {
      kind: 'TokenReview',
      apiVersion: 'authentication.k8s.io/v1',
      spec,
      status:
        account === undefined
          ? { authenticated: false, error: 'invalid bearer token' }
          : {
              authenticated: true,
              user: {
                username: `system:serviceaccount:${account.namespace}:${account.name}`,
                uid: account.uid,
                groups: ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`],
              },
              ...(spec.audiences === undefined ? {} : { audiences: spec.audiences }),
            },
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');

  return {
    url: `http://127.0.0.1:${address.port}`,
    reviewerToken,
    issue(namespace, name) {
      const uid = `uid-${namespace}-${name}`;
      const now = Math.floor(Date.now() / 1000);
      const token = signJwt(
        {
          iss: 'https://kubernetes.default.svc',
          aud: ['vault'],
          sub: `system:serviceaccount:${namespace}:${name}`,
          iat: now,
          nbf: now,
          exp: now + 600,
          'kubernetes.io': { namespace, serviceaccount: { name, uid } },
        },
        privateKey,
      );
      issued.set(token, { namespace, name, uid });
      return token;
    },
    reviews: () => reviews,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
