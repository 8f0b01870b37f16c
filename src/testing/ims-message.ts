/** A request as the emulator's rules see it, whatever brought it. */
export interface ImsRequest {
  /** In capitals. */
  method: string;
  /** Path and query: `/ims/token/v3`. */
  path: string;
  /** Names in lower case. */
  headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Default empty. */
  body?: string;
}

/** What the emulator does with a request: an answer, silence until the client gives up, or a reset connection. */
export type ImsReply = ImsAnswer | { kind: 'hang' } | { kind: 'reset' };

/** What the emulator answers with, before it goes over HTTP. */
export interface ImsAnswer {
  kind: 'answer';
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** Milliseconds before the first byte. Default 0. */
  delayMs?: number;
  /** Milliseconds between two bytes of the body. Default: all at once. */
  byteIntervalMs?: number;
  /** The connection breaks after half of the body. Default false. */
  truncated?: boolean;
}

export function answer(
  status: number,
  contentType: string,
  body: string,
  headers: Record<string, string> = {},
): ImsAnswer {
  return { kind: 'answer', status, headers: { 'content-type': contentType, ...headers }, body };
}

export function jsonAnswer(status: number, value: unknown, headers?: Record<string, string>): ImsAnswer {
  return answer(status, 'application/json;charset=UTF-8', JSON.stringify(value), headers);
}

/** RFC 6749 §5.2. */
export function oauthError(
  status: number,
  error: string,
  description: string,
  headers?: Record<string, string>,
): ImsAnswer {
  return jsonAnswer(status, { error, error_description: description }, headers);
}

export function headerOf(request: ImsRequest, name: string): string | undefined {
  const value = request.headers?.[name];
  return typeof value === 'string' ? value : value?.join(', ');
}

/**
 * The form that a POST carries (RFC 6749 §3.2), or what is wrong with it. Both IMS endpoints here read one.
 */
export function readForm(request: ImsRequest): URLSearchParams | ImsAnswer {
  if (request.method !== 'POST') {
    return oauthError(405, 'invalid_request', 'IMS emulator: this endpoint takes POST only', { allow: 'POST' });
  }
  const contentType = headerOf(request, 'content-type')?.split(';')[0]?.trim().toLowerCase();
  if (contentType !== 'application/x-www-form-urlencoded') {
    return oauthError(400, 'invalid_request', 'Content-Type must be application/x-www-form-urlencoded');
  }
  if (request.path.includes('?')) {
    return oauthError(400, 'invalid_request', 'parameters belong in the body: servers may log a query');
  }
  const form = new URLSearchParams(request.body ?? '');
  const names = [...form.keys()];
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  // The name is not repeated: a body that is not a form may have a secret in that place.
  if (repeated !== undefined) return oauthError(400, 'invalid_request', 'a parameter is repeated');
  return form;
}
