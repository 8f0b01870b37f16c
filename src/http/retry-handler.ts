import type { Dispatcher } from 'undici';
import { type HeldResponse, type HeldResponseOptions, holdResponse } from './held-response.js';

type Handler = Dispatcher.DispatchHandler;

/**
 * Hands a response on to `handler`, but holds a 401 until `retry` has settled.
 * @param retry gives what sends the request again, or undefined: then the 401 is handed on. When it fails, that is the
 *   request's error
 */
export function createRetryHandler(handler: Handler, retry: HeldResponseOptions['retry']): Handler {
  return handler.onHeaders === undefined ? decodedHandler(handler, retry) : new RawHandler(handler, retry);
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
 * them between the two, and encoding them again, costs more than all the rest of the interceptor. A class, because an
 * object that has these functions as its own costs half as much as that rest (bench/measures/interceptor.mjs).
 */
class RawHandler implements Handler {
  readonly #handler: Handler;
  readonly #retry: HeldResponseOptions['retry'];
  #held: HeldResponse<boolean | undefined> | undefined;
  #abort: (reason?: Error) => void = nothing;

  constructor(handler: Handler, retry: HeldResponseOptions['retry']) {
    this.#handler = handler;
    this.#retry = retry;
  }

  onConnect(abort: (reason?: Error) => void, context?: unknown): void {
    this.#abort = abort;
    (this.#handler.onConnect as OnConnect | undefined)?.(abort, context);
  }

  onUpgrade(...upgrade: Parameters<NonNullable<Handler['onUpgrade']>>): void {
    this.#handler.onUpgrade?.(...upgrade);
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.();
  }

  onHeaders(status: number, headers: Buffer[], resume: () => void, statusText: string): boolean {
    const handler = this.#handler;
    if (status !== 401) return handler.onHeaders?.(status, headers, resume, statusText) as boolean;
    const fail = (error: Error) => handler.onError?.(error);
    this.#held = holdResponse({ retry: this.#retry, resume, abort: this.#abort, fail });
    this.#held.pass(() => handler.onHeaders?.(status, headers, resume, statusText));
    return false;
  }

  onData(chunk: Buffer): boolean {
    const handler = this.#handler;
    if (this.#held === undefined) return handler.onData?.(chunk) as boolean;
    return this.#held.pass(() => handler.onData?.(chunk), chunk.length) as boolean;
  }

  onComplete(trailers: string[] | null): void {
    const handler = this.#handler;
    if (this.#held === undefined) handler.onComplete?.(trailers);
    else this.#held.end(() => void handler.onComplete?.(trailers));
  }

  onError(error: Error): void {
    if (this.#held === undefined) this.#handler.onError?.(error);
    else this.#held.break(error);
  }
}

/** undici gives a context, of which its types do not know. */
type OnConnect = (abort: (reason?: Error) => void, context: unknown) => void;

const nothing = (): void => undefined;
