import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Keys } from './moto.js';

export interface InstanceMetadata {
  endpoint: string;
  /** `PUT /latest/api/token 200`, in order. */
  requests: string[];
  close(): Promise<void>;
}

const ROLE_PATH = '/latest/meta-data/iam/security-credentials/';

/**
 * EC2's metadata service with IMDSv2 required: a session token by PUT, then every read with that token. As the real
 * one it answers 401 to a read without it (IMDSv1) and 403 to a PUT that came through a proxy.
 * @param keys of the instance's role; undefined: no role is attached
 */
export async function startInstanceMetadata(role: string, keys: Keys | undefined): Promise<InstanceMetadata> {
  const tokens = new Set<string>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { method, url = '', headers } = request;
    const answer = (status: number, body = '') => {
      requests.push(`${method} ${url} ${status}`);
      response.writeHead(status, { 'content-type': 'text/plain', server: 'EC2ws' }).end(body);
    };
    if (method === 'PUT' && url === '/latest/api/token') {
      const ttl = Number(headers['x-aws-ec2-metadata-token-ttl-seconds']);
      if (headers['x-forwarded-for'] !== undefined) return answer(403);
      if (!(ttl >= 1 && ttl <= 21_600)) return answer(400);
      const token = randomUUID();
      tokens.add(token);
      return answer(200, token);
    }
    if (!tokens.has(String(headers['x-aws-ec2-metadata-token']))) return answer(401);
    if (method !== 'GET' || keys === undefined) return answer(404);
    if (url === ROLE_PATH) return answer(200, role);
    if (url !== ROLE_PATH + role) return answer(404);
    return answer(
      200,
      JSON.stringify({
        Code: 'Success',
        Type: 'AWS-HMAC',
        AccessKeyId: keys.accessKeyId,
        SecretAccessKey: keys.secretAccessKey,
        Token: keys.sessionToken,
        Expiration: keys.expiration,
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
