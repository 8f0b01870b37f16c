import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import { vi } from 'vitest';
import type { AccessToken } from '../../src/access-token.js';
import { systemClock } from '../../src/clock.js';
import { DEFAULT_RENEWAL } from '../../src/token/renewal-schedule.js';
import { createTokenManager } from '../../src/token/token-manager.js';
import { createBench } from '../net/servers.js';
import { fakeToken } from '../support/fake-token.js';

export interface SeenRequest {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export type Route = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** Renewals are what requests lead to. */
const WITHOUT_TIMER = { ...DEFAULT_RENEWAL, background: false };

/** Servers and providers of a test; `closeAll` belongs into `afterEach`. */
export function createHttpFixture() {
  const bench = createBench();
  const cleanups: (() => unknown)[] = [];

  /**
   * An API that takes one token at a time: the newest of `accept`. Others get 401 with Adobe's code.
   * `routes` answer for their path instead.
   */
  async function api(
    routes: Record<string, Route> = {},
    create: (listener: RequestListener) => Parameters<typeof bench.listen>[0] = createServer,
  ) {
    const seen: SeenRequest[] = [];
    const state = { accepted: undefined as AccessToken | undefined, connections: 0 };
    const server = create(async (request, response) => {
      const { method = '', url = '', headers } = request;
      const body = await buffer(request).catch(() => Buffer.alloc(0));
      seen.push({ method, url, headers, body });
      const route = routes[new URL(url, 'http://x').pathname];
      if (route !== undefined) return route(request, response, body);
      if (state.accepted !== undefined && headers.authorization !== `Bearer ${state.accepted.accessToken}`) {
        response.writeHead(401, { 'content-type': 'application/json' });
        response.end('{"error_code":"401013","message":"Oauth token is not valid"}');
        return;
      }
      response.writeHead(200, { 'content-type': 'text/plain' }).end('fine');
    });
    server.on('connection', () => state.connections++);
    const port = await bench.listen(server);
    return { origin: `http://127.0.0.1:${port}`, port, seen, state };
  }

  /** Keeps tokens of an hour; `renew` may be made to wait or to fail. */
  function provider(renew: (signal: AbortSignal) => Promise<AccessToken> = async () => fakeToken(Date.now(), 3600)) {
    const renewals = vi.fn(async (_request: unknown, signal: AbortSignal) => renew(signal));
    const manager = createTokenManager({
      renew: async (request, signal) => ({ token: await renewals(request, signal), source: 'test' }),
      clock: systemClock,
      random: () => 0.5,
      renewal: WITHOUT_TIMER,
    });
    cleanups.push(() => manager.close());
    return { ...manager, renewals };
  }

  return {
    api,
    provider,
    listen: bench.listen,
    onClose: (cleanup: () => unknown) => cleanups.push(cleanup),
    async closeAll() {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
      await bench.closeAll();
    },
  };
}

export const redirectTo =
  (location: string, status = 302): Route =>
  (_request, response) =>
    response.writeHead(status, { location, 'content-length': 0 }).end();

/** The headers of ours that a request carried. */
export function oursOf(headers: IncomingHttpHeaders | undefined): Record<string, unknown> {
  const names = ['authorization', 'x-api-key', 'x-gw-ims-org-id', 'x-organization-id', 'x-gw-region'];
  return Object.fromEntries(names.flatMap((name) => (headers?.[name] === undefined ? [] : [[name, headers[name]]])));
}

/** Refuses `old` with a 401 that never ends; others are fine. */
export function endlessRejection(old: AccessToken) {
  const seen = { written: 0, closed: 0 };
  const route: Route = (request, response) => {
    if (request.headers.authorization !== `Bearer ${old.accessToken}`) return void response.end('fine');
    response.on('close', () => seen.closed++).writeHead(401);
    const chunk = 'x'.repeat(16_384);
    const write = (): void => {
      if (response.destroyed) return;
      seen.written += chunk.length;
      response.write(chunk, () => setImmediate(write));
    };
    write();
  };
  return { seen, route };
}
