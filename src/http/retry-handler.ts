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

type RawMethods = Pick<
  Handler,
  'onConnect' | 'onUpgrade' | 'onResponseStarted' | 'onHeaders' | 'onData' | 'onComplete' | 'onError'
>;

interface RawHandler extends RawMethods {
  readonly handler: Handler;
  readonly retry: HeldResponseOptions['retry'];
  held: HeldResponse<boolean | undefined> | undefined;
  abort: (reason?: Error) => void;
}

/**
 * For undici 7's own `request`, `stream` and `pipeline`, whose handlers and connections take headers as bytes: decoding
 * them between the two, and encoding them again, costs more than all the rest of the interceptor
 * (bench/measures/interceptor.mjs: 1.12 of a bare request).
 */
function rawHandler(handler: Handler, retry: HeldResponseOptions['retry']): RawHandler {
  // Functions of its own for each request cost as much as the rest of the interceptor, and so does `...rawMethods`.
  const { onConnect, onUpgrade, onResponseStarted, onHeaders, onData, onComplete, onError } = rawMethods;
  return {
    handler,
    retry,
    held: undefined,
    abort: nothing,
    onConnect,
    onUpgrade,
    onResponseStarted,
    onHeaders,
    onData,
    onComplete,
    onError,
  };
}

const nothing = (): void => undefined;

const rawMethods: Required<RawMethods> & ThisType<RawHandler> = {
  onConnect(abort, ...context) {
    this.abort = abort;
    this.handler.onConnect?.(abort, ...context);
  },
  onUpgrade(...upgrade) {
    this.handler.onUpgrade?.(...upgrade);
  },
  onResponseStarted() {
    this.handler.onResponseStarted?.();
  },
  onHeaders(status, headers, resume, statusText) {
    const { handler, retry, abort } = this;
    if (status !== 401) return handler.onHeaders?.(status, headers, resume, statusText) as boolean;
    this.held = holdResponse({ retry, resume, abort, fail: (error) => handler.onError?.(error) });
    this.held.pass(() => handler.onHeaders?.(status, headers, resume, statusText));
    return false;
  },
  onData(chunk) {
    const { handler, held } = this;
    if (held === undefined) return handler.onData?.(chunk) as boolean;
    return held.pass(() => handler.onData?.(chunk), chunk.length) as boolean;
  },
  onComplete(trailers) {
    const { handler, held } = this;
    if (held === undefined) return handler.onComplete?.(trailers);
    held.end(() => {
      handler.onComplete?.(trailers);
      return undefined;
    });
  },
  onError(error) {
    if (this.held === undefined) return this.handler.onError?.(error);
    this.held.break(error);
  },
};
