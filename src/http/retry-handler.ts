import type { Dispatcher } from 'undici';
import { type HeldResponse, type HeldResponseOptions, holdResponse } from './held-response.js';

type Handler = Dispatcher.DispatchHandler;

/**
 * Hands a response on to `handler`, but holds a 401 until `retry` has settled.
 * @param retry gives what sends the request again, or undefined: then the 401 is handed on. When it fails, that is the
 *   request's error
 */
export function createRetryHandler(handler: Handler, retry: HeldResponseOptions['retry']): Handler {
  return handler.onHeaders === undefined ? decodedHandler(handler, retry) : rawHandler(handler, retry);
}

/** For handlers of other interceptors. */
function decodedHandler(handler: Handler, retry: HeldResponseOptions['retry']): Handler {
  let held: HeldResponse<void> | undefined;
  return {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onRequestUpgrade: (...upgrade) => handler.onRequestUpgrade?.(...upgrade),
    onResponseStart(...start) {
      const [controller, status] = start;
      if (status !== 401) return handler.onResponseStart?.(...start);
      controller.pause();
      held = holdResponse({
        retry,
        resume: () => controller.resume(),
        abort: (reason) => controller.abort(reason),
        fail: (error) => handler.onResponseError?.(controller, error),
      });
      held.pass(() => handler.onResponseStart?.(...start));
    },
    onResponseData(controller, chunk) {
      if (held === undefined) return handler.onResponseData?.(controller, chunk);
      held.pass(() => handler.onResponseData?.(controller, chunk), chunk.length);
    },
    onResponseEnd(controller, trailers) {
      if (held === undefined) return handler.onResponseEnd?.(controller, trailers);
      held.end(() => handler.onResponseEnd?.(controller, trailers));
    },
    onResponseError(controller, error) {
      if (held === undefined) return handler.onResponseError?.(controller, error);
      held.break(error);
    },
  };
}

/**
 * For undici 7's own `request`, `stream` and `pipeline`, whose handlers and connections take headers as bytes: decoding
 * them between the two, and encoding them again, costs more than all the rest of the interceptor
 * (bench/measures/interceptor.mjs: 1.12 of a bare request).
 */
function rawHandler(handler: Handler, retry: HeldResponseOptions['retry']): Handler {
  let held: HeldResponse<boolean | undefined> | undefined;
  let abort: (reason?: Error) => void = () => undefined;
  return {
    onConnect(abortRequest, ...context) {
      abort = abortRequest;
      return handler.onConnect?.(abortRequest, ...context);
    },
    onUpgrade: (...upgrade) => handler.onUpgrade?.(...upgrade),
    onResponseStarted: () => handler.onResponseStarted?.(),
    onHeaders(...start) {
      const [status, , resume] = start;
      if (status !== 401) return handler.onHeaders?.(...start) as boolean;
      held = holdResponse({ retry, resume, abort, fail: (error) => handler.onError?.(error) });
      held.pass(() => handler.onHeaders?.(...start));
      return false;
    },
    onData(chunk) {
      if (held === undefined) return handler.onData?.(chunk) as boolean;
      return held.pass(() => handler.onData?.(chunk), chunk.length) as boolean;
    },
    onComplete(trailers) {
      if (held === undefined) return handler.onComplete?.(trailers);
      held.end(() => {
        handler.onComplete?.(trailers);
        return undefined;
      });
    },
    onError(error) {
      if (held === undefined) return handler.onError?.(error);
      held.break(error);
    },
  };
}
