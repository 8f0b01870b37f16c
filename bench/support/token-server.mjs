import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from './servers.mjs';

/** @adobe/aio-lib-ims asks this host alone. */
const ADOBE_HOST = 'ims-na1.adobelogin.com';
/** More than Node's 511: a thousand connections come at once. */
const BACKLOG = 4096;
export const LIFE_SECONDS = 86_400;

/** In the form of IMS's own: @adobe/aio-lib-ims reads its life out of it. */
function newToken(id) {
  const claims = { id, created_at: String(Date.now()), expires_in: String(LIFE_SECONDS * 1000) };
  const parts = [{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return [...parts, 'signature'].join('.');
}

/**
 * An authorization server that gives a token to whoever asks, under the paths of all clients that are compared, and counts.
 * It speaks TLS, because some of them refuse anything else.
 */
export async function startTokenServer() {
  const folder = mkdtempSync(join(tmpdir(), 'imsvault-bench-'));
  const authority = await createAuthority('imsvault bench authority');
  const { certificate: cert, key } = await authority.issue({ addresses: ['127.0.0.1'], names: [ADOBE_HOST] });
  const caFile = join(folder, 'authority.pem');
  writeFileSync(caFile, authority.certificate);
  let latencyMs = 0;
  let silent = false;
  let exchanges = 0;

  const server = createHttpsServer({ key, cert }, (request, response) => {
    request.resume();
    const { method, url } = request;
    if (silent) return;
    const answer = (body) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (method === 'POST') {
      const body = { access_token: newToken(++exchanges), token_type: 'bearer', expires_in: LIFE_SECONDS };
      setTimeout(answer, latencyMs, body);
    } else if (url.includes('/.well-known/openid-configuration')) {
      // Azure asks where to ask.
      const base = `https://${request.headers.host}/tenant`;
      answer({
        issuer: `${base}/v2.0`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        jwks_uri: `${base}/discovery/v2.0/keys`,
      });
    } else {
      response.writeHead(404).end();
    }
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG });
  await once(server, 'listening');
  const { port } = server.address();
  const proxy = createHttpServer().on('connect', (_request, client) => {
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ]) {
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
  });
  proxy.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG });
  await once(proxy, 'listening');

  function goAway() {
    for (const each of [proxy, server]) {
      each.close();
      each.closeAllConnections();
    }
  }

  return {
    /** What a process needs to find it; in a home of its own. */
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      NODE_EXTRA_CA_CERTS: caFile,
      TOKEN_SERVER: `https://127.0.0.1:${port}`,
      TOKEN_SERVER_PROXY: `http://127.0.0.1:${proxy.address().port}`,
    },
    folder,
    exchanges: () => exchanges,
    setLatency(ms) {
      latencyMs = ms;
    },
    /** From now on it accepts connections and answers nothing. */
    fallSilent() {
      silent = true;
    },
    /** From now on it refuses connections. */
    goAway,
    stop() {
      goAway();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
