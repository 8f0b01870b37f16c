import type { AccessToken } from '../access-token.js';
import { failed, firstHop, type Hop, MAX_REDIRECTS, redirectHop } from './fetch-hop.js';
import { MAX_DISCARDED_BYTES } from './held-response.js';
import { isReplayable } from './replayable.js';
import { createRequestRules, type TokenRequestOptions } from './request-rules.js';
import { createTokenSource, type TokenGiver } from './token-source.js';

type AnyFetch = (...args: never[]) => Promise<unknown>;

export interface TokenFetchOptions<F extends AnyFetch = typeof fetch> extends TokenRequestOptions {
  /** The fetch that sends, for example undici's. Default: the global one at the time of each call. */
  fetch?: F;
}

/**
 * A `fetch` that sends the token and its headers to allowed origins, where a request has no authorization of its own;
 * other requests pass as they are. A 401 renews the token and sends the request once more, where its body can be sent
 * again. Redirects are followed as fetch does, with the token to allowed origins only. `getToken`'s errors are the
 * request's.
 * @typeParam F the type of the fetch that sends, and of the one that is made
 * @throws ERR_CONFIG_INVALID for options
 */
export function createTokenFetch<F extends AnyFetch = typeof fetch>(
  provider: TokenGiver,
  options: TokenFetchOptions<F> = {},
): F {
  const { fetch: given, ...others } = options;
  const source = createTokenSource(provider);
  const rules = createRequestRules(others);
  const send: typeof fetch = (given as typeof fetch | undefined) ?? ((...args) => globalThis.fetch(...args));

  function sendWith(token: AccessToken, hop: Hop): Promise<Response> {
    const headers = new Headers(hop.headers);
    for (const [name, value] of Object.entries(rules.headersWith(token))) {
      if (!headers.has(name)) headers.set(name, value);
    }
    const redirect = hop.init.redirect === 'follow' ? 'manual' : (hop.init.redirect ?? 'manual');
    return send(hop.input, { ...hop.init, headers, redirect });
  }

  async function sendAuthorized(hop: Hop): Promise<Response> {
    const token = source.held() ?? (await source.get(hop.signal));
    const response = await sendWith(token, hop);
    if (response.status !== 401 || !isReplayable(hop.body)) return response;
    const next = await source.replace(token, hop.signal).catch((error: unknown) => {
      discard(response);
      throw error;
    });
    if (next === undefined) return response;
    discard(response);
    return sendWith(next, hop);
  }

  /** @throws TypeError as fetch does */
  function follow(hop: Hop, response: Response, count: number): Hop | undefined {
    if (hop.init.redirect !== 'follow') return undefined;
    try {
      const next = redirectHop(hop, response);
      if (next === undefined) return undefined;
      if (count === MAX_REDIRECTS) throw failed('redirect count exceeded');
      return next;
    } catch (error) {
      discard(response);
      throw error;
    }
  }

  async function tokenFetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    let hop = firstHop(input, init);
    if (hop === undefined || !rules.isAllowed(hop.url) || hop.headers.has('authorization')) {
      return send(input, init);
    }
    for (let count = 0; ; count++) {
      const response = await sendAuthorized(hop);
      const next = follow(hop, response, count);
      if (next === undefined) return count === 0 ? response : redirected(response);
      discard(response);
      // Once it has left, it stays without: else any site could send a request of its making back with the token.
      if (!rules.isAllowed(next.url)) return redirected(await send(next.input, next.init));
      hop = next;
    }
  }

  return tokenFetch as unknown as F;
}

/** Each redirect is a fetch of its own here, whose response does not know it. */
function redirected(response: Response): Response {
  return Object.defineProperty(response, 'redirected', { value: true });
}

/** Reads what nobody wants, so that its connection serves again; where it is long, ends the connection. */
function discard(response: Response): void {
  const read = async () => {
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += (chunk as Uint8Array).length;
      if (size > MAX_DISCARDED_BYTES) break;
    }
  };
  read().catch(() => undefined);
}
