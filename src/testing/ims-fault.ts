import { answer, type ImsAnswer, type ImsReply, jsonAnswer } from './ims-message.js';

/** How the emulator's token endpoint can misbehave. Times in milliseconds unless named otherwise. */
export type ImsFault =
  /** Answers normally, `ms` later. */
  | { kind: 'latency'; ms: number }
  /** 429. `retryAfter`: seconds as a number, or the header's text, for example an HTTP date. Default: no header. */
  | { kind: 'throttled'; retryAfter?: number | string }
  /** 500 `{"error":"internal_error"}`. */
  | { kind: 'internal_error' }
  /** 503 with an HTML page. `retryAfter` as for `throttled`. */
  | { kind: 'unavailable'; retryAfter?: number | string }
  /** Any answer. `headers` and `body` default to none. */
  | { kind: 'response'; status: number; headers?: Readonly<Record<string, string>>; body?: string }
  /** The normal answer, of which only half arrives before the connection breaks. IMS issued the token all the same. */
  | { kind: 'truncated' }
  /** Takes the request and never answers. */
  | { kind: 'hang' }
  /** Resets the connection. */
  | { kind: 'reset' }
  /** The normal answer, one byte every `intervalMs`. */
  | { kind: 'slow'; intervalMs: number }
  /** `status` default 307, which keeps the method and the body. */
  | { kind: 'redirect'; location: string; status?: 301 | 302 | 303 | 307 | 308 }
  /** The normal answer with these members changed; `undefined` removes one. A refused request stays refused. */
  | { kind: 'override'; json: Readonly<Record<string, unknown>> }
  /** The normal answer, padded with white space to `bytes`. */
  | { kind: 'huge'; bytes: number };

/** @param normal gives the answer that the request deserves; called only by faults that need it */
export function applyFault(fault: ImsFault, normal: () => ImsAnswer): ImsReply {
  switch (fault.kind) {
    case 'latency':
      return { ...normal(), delayMs: fault.ms };
    case 'throttled':
      return jsonAnswer(429, { error: 'too_many_requests' }, retryAfterHeader(fault.retryAfter));
    case 'internal_error':
      return jsonAnswer(500, { error: 'internal_error' });
    case 'unavailable':
      return answer(503, 'text/html', UNAVAILABLE_PAGE, retryAfterHeader(fault.retryAfter));
    case 'response':
      return { kind: 'answer', status: fault.status, headers: lowerCase(fault.headers ?? {}), body: fault.body ?? '' };
    case 'truncated':
      return { ...normal(), truncated: true };
    case 'hang':
    case 'reset':
      return { kind: fault.kind };
    case 'slow':
      return { ...normal(), byteIntervalMs: fault.intervalMs };
    case 'redirect':
      return answer(fault.status ?? 307, 'text/plain', 'IMS emulator: redirect\n', { location: fault.location });
    case 'override':
      return override(normal(), fault.json);
    case 'huge': {
      const full = normal();
      return { ...full, body: full.body.padEnd(fault.bytes, ' ') };
    }
  }
}

const UNAVAILABLE_PAGE =
  '<!DOCTYPE html><html><head><title>IMS emulator</title></head><body><h1>503 Service Unavailable</h1></body></html>\n';

function override(normal: ImsAnswer, json: Readonly<Record<string, unknown>>): ImsAnswer {
  if (normal.status !== 200) return normal;
  return { ...normal, body: JSON.stringify({ ...JSON.parse(normal.body), ...json }) };
}

function retryAfterHeader(retryAfter: number | string | undefined): Record<string, string> {
  return retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
