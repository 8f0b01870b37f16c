import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, connect, type Server as TcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import { systemClock } from '../../src/clock.js';
import { createHttpClient, type HttpClient, type HttpClientOptions } from '../../src/net/http-client.js';
import type { ProxySettings } from '../../src/net/proxy-settings.js';
import type { KeyPair } from '../support/azure/certificates.js';

/** What a test opened; `closeAll` belongs into `afterEach`. */
export function createBench() {
  const cleanups: (() => unknown)[] = [];

  return {
    async closeAll() {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    },

    /** Listens on a free port of 127.0.0.1. */
    async listen(server: HttpServer | HttpsServer | TcpServer): Promise<number> {
      const sockets = new Set<Duplex>();
      server.on('connection', (socket: Duplex) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanups.push(() => {
        for (const socket of sockets) socket.destroy();
        server.close();
      });
      return (server.address() as AddressInfo).port;
    },

    client(options: HttpClientOptions = {}, proxy: ProxySettings = {}): HttpClient {
      const made = createHttpClient(systemClock, proxy, options);
      cleanups.push(() => made.close());
      return made;
    },
  };
}

/** Answers every request with `fine`, over TLS; counts connections whose handshake is done, and requests. */
export function createTlsTarget(pair: KeyPair, options: TlsOptions = {}) {
  const seen = { connections: 0, requests: 0, serverNames: [] as unknown[], clients: [] as unknown[] };
  const server = createHttpsServer({ cert: pair.certificate, key: pair.key, ...options }, (_request, response) => {
    seen.requests++;
    response.end('fine');
  });
  server.on('secureConnection', (socket) => {
    seen.connections++;
    seen.serverNames.push(socket.servername);
    seen.clients.push(socket.getPeerCertificate()?.subject?.CN);
  });
  return { server, seen };
}

/** A proxy that opens a tunnel to `targetPort`, whatever host it is asked for. */
export function createTunnel(targetPort: number, tls?: KeyPair) {
  const tunnels: { to: string; authorization: string | undefined }[] = [];
  const server = tls === undefined ? createHttpServer() : createHttpsServer({ cert: tls.certificate, key: tls.key });
  server.on('connect', (request, socket: Duplex) => {
    tunnels.push({ to: request.url ?? '', authorization: request.headers['proxy-authorization'] });
    const upstream = connect(targetPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  return { server, tunnels };
}
