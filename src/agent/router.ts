import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Clock } from '../clock.js';
import type { AgentProfiles } from './agent-profiles.js';
import type { AgentAccessToken } from './agent-server.js';
import { checkHead, type RequestHead } from './guard.js';
import { LIVE, readyReply } from './health.js';
import type { ConnectionPool } from './listen.js';
import { metricsReply } from './metrics.js';
import { createPageRoutes, type PageDoor } from './page-routes.js';
import { createSend, problemReply, type Reply } from './reply.js';
import type { CountersByProfile } from './request-counters.js';
import { createTokenRoutes } from './token-routes.js';

export interface RouterOptions {
  profiles: () => AgentProfiles;
  requiredProfiles: readonly string[] | undefined;
  accessToken: AgentAccessToken;
  /** Of clients; the health addresses have their own. */
  pool: ConnectionPool;
  clock: Clock;
  /** Whether the agent ends. */
  isClosing: () => boolean;
  /** Of the address that a browser is sent to. */
  webOrigin: () => string | undefined;
}

/** One address's side of the routes. */
export interface RouterDoor extends PageDoor {
  /** What `Host` may be. */
  readonly hosts: ReadonlySet<string>;
}

export interface Router {
  /** Everything, for clients of this machine. */
  serve(door: RouterDoor): RequestListener;
  /** `/livez`, `/readyz` and `/metrics`, for whoever asks. */
  serveHealth(pool: ConnectionPool): RequestListener;
}

interface Exchange {
  readonly query: string;
  readonly head: RequestHead;
  readonly door: PageDoor;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Route {
  readonly methods: readonly string[];
  /** Whether `X-Imsvault-Token` is required. */
  readonly guarded: boolean;
  /** @returns undefined where it answers by itself */
  answer(exchange: Exchange): Reply | undefined;
}

const TOO_MANY = problemReply(
  429,
  { code: 'ERR_AGENT_TOO_MANY_CONNECTIONS', message: 'too many connections are open', retryable: true },
  ['Retry-After', '1', 'Connection', 'close'],
);
const FORBIDDEN = problemReply(403, {
  code: 'ERR_AGENT_FORBIDDEN',
  message: "the header X-Imsvault-Token is missing, or is not the agent's token",
  hint: "Send the content of the agent's token file.",
});
const NOT_FOUND = problemReply(404, {
  code: 'ERR_AGENT_NOT_FOUND',
  message: 'the agent has no such path',
  hint: 'It has /v1/token, /v1/token/renew, /livez, /readyz, /metrics and the page at /.',
});

export function createRouter(options: RouterOptions): Router {
  const { profiles, requiredProfiles, accessToken, pool, clock } = options;
  const send = createSend(options.isClosing);
  const counters: CountersByProfile = new Map();
  const tokens = createTokenRoutes(profiles, counters, clock, send);
  const pages = createPageRoutes(profiles, options.webOrigin, clock);
  const knows = ({ accessToken: given }: RequestHead) => given !== undefined && accessToken.matches(given);
  const get = (guarded: boolean, answer: Route['answer']): Route => ({ methods: ['GET', 'HEAD'], guarded, answer });
  const post = (answer: Route['answer']): Route => ({ methods: ['POST'], guarded: true, answer });
  const metrics = () => metricsReply(profiles(), counters, pool.count, clock);

  const health = {
    '/livez': get(false, () => LIVE),
    '/readyz': get(false, () => readyReply(profiles(), requiredProfiles)),
  };
  const healthRoutes = new Map<string, Route>(Object.entries({ ...health, '/metrics': get(false, metrics) }));
  const routes = new Map<string, Route>(
    Object.entries({
      ...health,
      '/metrics': get(true, metrics),
      '/v1/token': get(true, ({ query, head, response }) => void tokens.get(query, head, response)),
      '/v1/token/renew': post(({ query, request, response }) => void tokens.renew(query, request, response)),
      '/v1/web-code': post(() => pages.issueLink()),
      // No HEAD: what only looks at a link must not use it up.
      '/login': { methods: ['GET'], guarded: false, answer: ({ query, door }) => pages.login(query, door) },
      '/': get(false, ({ query, head, door }) => pages.home(query, knows(head) || pages.isOpen(head.cookie, door))),
    } satisfies Record<string, Route>),
  );

  function listener(
    known: ReadonlyMap<string, Route>,
    connections: ConnectionPool,
    hosts: ReadonlySet<string> | undefined,
    door: PageDoor,
  ): RequestListener {
    function handle(request: IncomingMessage, response: ServerResponse): Reply | undefined {
      if (connections.isAbove(request.socket)) return TOO_MANY;
      const head = checkHead(request, hosts);
      if ('status' in head) return head;
      const url = request.url ?? '';
      const mark = url.indexOf('?');
      const route = known.get(mark === -1 ? url : url.slice(0, mark));
      if (route === undefined) return NOT_FOUND;
      if (!route.methods.includes(request.method ?? '')) return wrongMethod(route);
      if (route.guarded && !knows(head)) return FORBIDDEN;
      return route.answer({ query: mark === -1 ? '' : url.slice(mark + 1), head, door, request, response });
    }

    return (request, response) => {
      const answer = handle(request, response);
      if (answer !== undefined) send(response, answer);
    };
  }

  return {
    serve: (door) => listener(routes, pool, door.hosts, door),
    serveHealth: (connections) => listener(healthRoutes, connections, undefined, { cookieName: '', isTls: false }),
  };
}

function wrongMethod({ methods }: Route): Reply {
  const allowed = methods.join(', ');
  return problemReply(405, { code: 'ERR_AGENT_METHOD', message: `this path takes ${allowed}` }, ['Allow', allowed]);
}
