import type { buildConnector, Dispatcher } from 'undici';
import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { isLoopbackHost } from './loopback.js';
import { type ProxySettings, proxyFor } from './proxy-settings.js';
import { namingProxy, tunnel } from './proxy-tunnel.js';

/** How long each step of a request may take, in milliseconds. Positive integers. */
export interface HttpTimeouts {
  /** Name look-up, TCP and TLS. Default 5000. */
  connectMs: number;
  /** From the request's last byte to the answer's headers. Default 10000. */
  headersMs: number;
  /** Between two pieces of the answer's body. Default 5000. */
  bodyMs: number;
  /** The whole request, its connection included. Default 20000. */
  totalMs: number;
}

/** Whom a client trusts, and how it shows who it is. */
export interface TlsSettings {
  /** PEM. Trusted instead of the system's authorities. */
  ca?: string | string[];
  /** PEM. The client's certificate, with its chain. */
  cert?: string;
  /** PEM. The client certificate's key. */
  key?: string;
  /** The name that the server's certificate must carry, where it is not the URL's host. */
  serverName?: string;
}

/** Bounds of every request of a client. */
export interface HttpClientOptions {
  timeouts?: Partial<HttpTimeouts>;
  tls?: TlsSettings;
  /** Largest answer body, in bytes. Default 1 MiB. */
  maxResponseBytes?: number;
  /** Sockets for each origin. Default 8. */
  connections?: number;
  /** Past every proxy: for services of the machine itself, such as its cloud identity endpoint. Default false. */
  direct?: boolean;
}

/** One request. A redirect is an answer, not followed. */
export interface HttpRequest {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  signal?: AbortSignal | undefined;
}

/** One answer, read whole. */
export interface HttpResponse {
  status: number;
  /** Names in lower case; repeated headers joined with ", ". */
  headers: Record<string, string>;
  body: Buffer;
}

/** One way to the network for every client here: same proxy rules, same bounds, no redirects. */
export interface HttpClient {
  /**
   * @throws undici's and Node's own errors (see `describeNetworkError`), `DeadlineExceeded`, `ResponseTooLarge`,
   *   `ProxyUnreachable`, or `signal.reason`
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  /**
   * Opens a connection to `url`'s origin and keeps it for the next request, up to 30 s; sends nothing to the server. One
   * that is open already will do; with more than one socket for each origin another may be opened, within their number.
   * Failures stay silent: the request that follows meets and reports them.
   */
  connectAhead(url: string): Promise<void>;
  /**
   * Ends all requests and connections; one that is still being made ends within `connectMs`. A later request opens new
   * ones: MSAL keeps the client that it met first for the whole process.
   */
  close(): Promise<void>;
}

export class ResponseTooLarge extends Error {
  constructor(maxBytes: number) {
    super(`the answer is larger than ${maxBytes} bytes`);
    this.name = 'ResponseTooLarge';
  }
}

const DEFAULT_TIMEOUTS: HttpTimeouts = { connectMs: 5000, headersMs: 10_000, bodyMs: 5000, totalMs: 20_000 };
const DEFAULT_MAX_RESPONSE_BYTES = 1024 * 1024;
/** Longer than undici's 4 s: a connection made ahead must survive a slow read of the secret. */
const KEEP_ALIVE_MS = 30_000;

/** The socket is all that is wanted: undici calls this when it is ready to write the request, and throwing stops it. */
class ConnectedAhead extends Error {}

export function createHttpClient(clock: Clock, proxy: ProxySettings, options: HttpClientOptions = {}): HttpClient {
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const maxBytes = options.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES;
  const dispatchers = new Map<string, Promise<Dispatcher>>();

  function dispatcherFor(url: URL): Promise<Dispatcher> {
    const viaProxy = options.direct === true || isLoopbackHost(url.hostname) ? undefined : proxyFor(proxy, url);
    const key = viaProxy ?? 'direct';
    let dispatcher = dispatchers.get(key);
    if (dispatcher === undefined) {
      dispatcher = createDispatcher(viaProxy, timeouts, options);
      dispatchers.set(key, dispatcher);
    }
    return dispatcher;
  }

  async function send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const url = new URL(request.url);
    const dispatcher = await dispatcherFor(url);
    const response = await dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method as Dispatcher.HttpMethod,
      headers: request.headers ?? {},
      body: request.body ?? null,
      signal,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response.body) {
      size += chunk.length;
      if (size > maxBytes) throw new ResponseTooLarge(maxBytes);
      chunks.push(chunk);
    }
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(response.headers)) {
      if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
    }
    return { status: response.statusCode, headers, body: Buffer.concat(chunks, size) };
  }

  return {
    request: (request) => withDeadline(clock, timeouts.totalMs, request.signal, (signal) => send(request, signal)),

    async connectAhead(target) {
      const url = new URL(target);
      const dispatcher = await dispatcherFor(url);
      await new Promise<void>((resolve) => {
        dispatcher.dispatch(
          { origin: url.origin, path: '/', method: 'GET', headers: {} },
          {
            onRequestStart: () => {
              throw new ConnectedAhead();
            },
            onResponseError: () => resolve(),
          },
        );
      });
    },

    async close() {
      const opened = await Promise.allSettled(dispatchers.values());
      dispatchers.clear();
      await Promise.all(opened.map((result) => (result.status === 'fulfilled' ? result.value.destroy() : undefined)));
    },
  };
}

/** undici is loaded here and nowhere else: it costs more than all the rest of imsvault. */
async function createDispatcher(
  viaProxy: string | undefined,
  timeouts: HttpTimeouts,
  options: HttpClientOptions,
): Promise<Dispatcher> {
  const { Agent, Pool, ProxyAgent } = await import('./undici-inner.js');
  const { ca, cert, key, serverName } = options.tls ?? {};
  const tls = {
    timeout: timeouts.connectMs,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
  const common = {
    headersTimeout: timeouts.headersMs,
    bodyTimeout: timeouts.bodyMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connections: options.connections ?? 8,
  };
  if (viaProxy === undefined) return new Agent({ ...common, connect: tls });
  return new ProxyAgent({
    ...common,
    uri: viaProxy,
    requestTls: tls,
    proxyTls: { timeout: timeouts.connectMs },
    // Else a proxy that never answers CONNECT would block the one connection for undici's 300 s.
    clientFactory: (origin, opts) => {
      const { host } = new URL(viaProxy);
      const pool = new Pool(origin, {
        ...opts,
        headersTimeout: timeouts.connectMs,
        connect: namingProxy(host, (opts as { connect: buildConnector.connector }).connect),
      });
      return Object.assign(pool, { connect: tunnel(host, pool) });
    },
  });
}
