import type { Dispatcher } from 'undici';
import type { AccessToken } from '../access-token.js';
import { isReplayable } from './replayable.js';
import { createRequestRules, type TokenRequestOptions } from './request-rules.js';
import { createRetryHandler } from './retry-handler.js';
import { createTokenSource, type TokenGiver } from './token-source.js';
import { addHeaders } from './undici-headers.js';

/**
 * An interceptor for undici 7: `agent.compose(createTokenInterceptor(provider))`. Requests to allowed origins get the
 * token and its headers, where they have no authorization of their own; others pass as they are. A 401 renews the token
 * and sends the request once more, where its body can be sent again. `getToken`'s errors are the request's.
 * @throws ERR_CONFIG_INVALID for options
 */
export function createTokenInterceptor(
  provider: TokenGiver,
  options: TokenRequestOptions = {},
): Dispatcher.DispatcherComposeInterceptor {
  const source = createTokenSource(provider);
  const rules = createRequestRules(options);
  /** Whose request went to another origin. Where a redirect leads back from there, it gets no token. */
  const strayed = new WeakSet<Dispatcher.DispatchHandler>();
  /** Most programs ask one origin over and over. */
  let last: { origin: string; isAllowed: boolean } | undefined;

  function isAllowed(origin: string): boolean {
    if (last?.origin !== origin) {
      last = { origin, isAllowed: URL.canParse(origin) && rules.isAllowed(new URL(origin)) };
    }
    return last.isAllowed;
  }

  /** The request with the token; as it is where it has an authorization of its own. */
  function authorize(request: Dispatcher.DispatchOptions, token: AccessToken): Dispatcher.DispatchOptions {
    const headers = addHeaders(request.headers, rules.headersWith(token));
    if (headers === undefined) return request;
    // With the request's properties last it is made in a third of the time.
    const sent = { headers, maxRedirections: 0, ...request };
    sent.headers = headers;
    // A redirect interceptor beneath this one would take our headers along to wherever it is sent.
    sent.maxRedirections = 0;
    return sent;
  }

  function send(
    token: AccessToken,
    dispatch: Dispatcher.Dispatch,
    request: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const sent = authorize(request, token);
    if (sent === request || !isReplayable(request.body)) return dispatch(sent, handler);
    const retry = async () => {
      const next = await source.replace(token, signalOf(request));
      return next === undefined ? undefined : () => void dispatch(authorize(request, next), handler);
    };
    return dispatch(sent, createRetryHandler(handler, retry));
  }

  function sendLater(
    dispatch: Dispatcher.Dispatch,
    request: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): true {
    // Nothing has started: there is no controller that an error could come with.
    const none = null as unknown as Dispatcher.DispatchController;
    source
      .get(signalOf(request))
      .then((token) => send(token, dispatch, request, handler))
      .catch((error: Error) => handler.onResponseError?.(none, error));
    return true;
  }

  return (dispatch) => (request, handler) => {
    if (request.origin === undefined) {
      throw new TypeError('a request must name its origin to get a token: compose the interceptor on an Agent');
    }
    if (!isAllowed(String(request.origin)) || strayed.has(handler)) {
      strayed.add(handler);
      return dispatch(request, handler);
    }
    const token = source.held();
    return token === undefined ? sendLater(dispatch, request, handler) : send(token, dispatch, request, handler);
  };
}

function signalOf(request: Dispatcher.DispatchOptions): AbortSignal | undefined {
  const { signal } = request as { signal?: unknown };
  return signal instanceof AbortSignal ? signal : undefined;
}
