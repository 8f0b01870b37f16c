import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { createImsEmulator } from '../../../src/testing/index.js';
import { createAuthority } from '../../support/authority.js';

const AIO_HOST = 'ims-na1.adobelogin.com';

/** Adobe's own host name, for what lets nobody choose another: reached by a proxy that leads every host here. */
export interface AdobeHosts {
  /** For HTTPS_PROXY. */
  proxy: string;
  /** Of the authority that vouches for the host: PEM. */
  ca: string;
  /** `METHOD host/path status` of each request. */
  requests: string[];
  issuedTokens(): readonly string[];
  close(): Promise<void>;
}

export async function startAdobeHosts(): Promise<AdobeHosts> {
  const authority = await createAuthority('imsvault test authority');
  const { certificate, key } = await authority.issue({ names: [AIO_HOST] });
  const emulator = createImsEmulator();
  const requests: string[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const given = emulator.handle({
      method: request.method ?? '',
      // The emulator serves the newer path alone.
      path: (request.url ?? '').replace('/ims/token/v2', '/ims/token/v3'),
      headers: request.headers as Record<string, string>,
      body: Buffer.concat(chunks).toString(),
    });
    if (given.kind !== 'answer') throw new Error('no fault was asked for');
    requests.push(`${request.method} ${request.headers.host}${request.url} ${given.status}`);
    response.writeHead(given.status, given.headers).end(given.body);
  }

  const tls = createHttpsServer({ cert: certificate, key }, (request, response) => void answer(request, response));
  tls.listen(0, '127.0.0.1');
  await once(tls, 'listening');
  const proxy = createHttpServer().on('connect', (_request, client) => {
    const upstream = connect((tls.address() as AddressInfo).port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    ca: authority.certificate,
    requests,
    issuedTokens: () => emulator.issuedTokens(),
    async close() {
      tls.closeAllConnections();
      for (const server of [proxy, tls]) await new Promise((closed) => server.close(closed));
    },
  };
}
