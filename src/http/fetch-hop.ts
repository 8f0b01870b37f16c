import { isReplayable } from './replayable.js';

/** One request of a `fetch` and the redirects that it meets. */
export interface Hop {
  readonly url: URL;
  /** As the underlying fetch takes it: what the caller gave, or the URL of a redirect. */
  readonly input: string | URL | Request;
  readonly init: RequestInit;
  readonly method: string;
  readonly headers: Headers;
  readonly body: unknown;
  readonly signal: AbortSignal | undefined;
}

/** fetch's own. */
export const MAX_REDIRECTS = 20;

/** Of a redirect that turns into a GET. Source: the Fetch standard, "request-body-header name". */
const BODY_HEADERS = ['content-encoding', 'content-language', 'content-length', 'content-location', 'content-type'];
/** Of a redirect to another origin; as undici's fetch does it. */
const ORIGIN_HEADERS = ['authorization', 'proxy-authorization', 'cookie', 'host'];

/** @returns undefined where the URL is none: fetch itself says so best */
export function firstHop(input: string | URL | Request, init: RequestInit): Hop | undefined {
  // By its shape: undici's Request is another class than Node's.
  const request = typeof input === 'object' && 'url' in input ? input : undefined;
  const url = request?.url ?? String(input);
  if (!URL.canParse(url)) return undefined;
  const signal = init.signal === undefined ? request?.signal : init.signal;
  return {
    url: new URL(url),
    input,
    init: { ...init, redirect: init.redirect ?? request?.redirect ?? 'follow' },
    method: (init.method ?? request?.method ?? 'GET').toUpperCase(),
    headers: new Headers(init.headers ?? request?.headers),
    body: init.body ?? request?.body ?? null,
    signal: signal instanceof AbortSignal ? signal : undefined,
  };
}

/**
 * Where a response sends its request. Source: the Fetch standard, "HTTP-redirect fetch".
 * @returns undefined when it is no redirect
 * @throws TypeError as fetch does
 */
export function redirectHop(hop: Hop, response: Response): Hop | undefined {
  const { status } = response;
  const location = response.headers.get('location');
  if (![301, 302, 303, 307, 308].includes(status) || location === null) return undefined;
  if (!URL.canParse(location, hop.url.href)) throw failed('it redirects to an invalid URL');
  const url = new URL(location, hop.url);
  if (!/^https?:$/.test(url.protocol)) throw failed('it redirects to a URL that is not HTTP');

  const becomesGet =
    ((status === 301 || status === 302) && hop.method === 'POST') ||
    (status === 303 && !/^(GET|HEAD)$/.test(hop.method));
  if (!becomesGet && !isReplayable(hop.body)) {
    throw failed("it redirects, and a stream or a Request's body cannot be sent again; give the body in init");
  }
  const headers = new Headers(hop.headers);
  if (becomesGet) for (const name of BODY_HEADERS) headers.delete(name);
  if (url.origin !== hop.url.origin) for (const name of ORIGIN_HEADERS) headers.delete(name);
  const method = becomesGet ? 'GET' : hop.method;
  const body = becomesGet ? null : (hop.body as NonNullable<RequestInit['body']>);
  const { signal } = hop;
  const init = { ...hop.init, method, headers, body, signal: signal ?? null };
  return { url, input: url.href, init, method, headers, body, signal };
}

/** fetch's error, with its usual message. */
export function failed(why: string): TypeError {
  return new TypeError('fetch failed', { cause: new Error(why) });
}
