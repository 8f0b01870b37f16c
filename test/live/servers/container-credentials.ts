import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Keys } from './moto.js';

export interface ContainerCredentials {
  url: string;
  /** Status of each answer. */
  statuses: number[];
  /** Sets what is asked for in the Authorization header; undefined: nothing. */
  requireToken(token: string | undefined): void;
  close(): Promise<void>;
}

/** The credentials endpoint of ECS and, where it asks for a token, of the EKS Pod Identity agent. */
export async function startContainerCredentials(keys: Keys): Promise<ContainerCredentials> {
  let required: string | undefined;
  const statuses: number[] = [];
  const server = createServer((request, response) => {
    const known = request.method === 'GET' && request.url === '/v1/credentials';
    const status = !known ? 404 : required !== undefined && request.headers.authorization !== required ? 401 : 200;
    statuses.push(status);
    response.writeHead(status, { 'content-type': 'application/json' }).end(
      status === 200
        ? JSON.stringify({
            AccessKeyId: keys.accessKeyId,
            SecretAccessKey: keys.secretAccessKey,
            Token: keys.sessionToken,
            Expiration: keys.expiration,
          })
        : JSON.stringify({ Code: 'AccessDenied', Message: 'no' }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/v1/credentials`,
    statuses,
    requireToken(token) {
      required = token;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
