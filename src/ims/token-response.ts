import { ImsvaultError, TokenRequestRejectedError } from '../errors.js';
import { type JsonObject, parseJsonObject } from '../json.js';
import type { HttpResponse } from '../net/http-client.js';
import { parseRetryAfter } from '../retry.js';
import { parseStringList } from '../string-list.js';
import { readClaims } from './token-claims.js';

/** What IMS gave. */
export interface TokenResponse {
  accessToken: string;
  tokenType: string;
  expiresInSeconds: number;
  /** Only where the answer names it. */
  scope?: readonly string[];
  warnings: readonly string[];
}

export interface ResponseContext {
  /** The endpoint's URL, for the error's text. */
  endpoint: string;
  /** Wall clock, Unix milliseconds. */
  now: number;
  /** Removes the client secret from a text of the server's or of what stands before it, should they echo it. */
  scrub: (text: string) => string;
}

/** RFC 6750 §2.1: anything else could inject a header. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
const MAX_TOKEN_LENGTH = 16 * 1024;
const YEAR_SECONDS = 365 * 24 * 3600;
/** What IMS documents; the guess where its answer makes no sense. */
const DAY_SECONDS = 24 * 3600;

/**
 * @throws ERR_TOKEN_REQUEST_REJECTED for an OAuth error (RFC 6749 §5.2), ERR_TOKEN_ENDPOINT_UNAVAILABLE for 429, 408
 *   and 5xx, ERR_TOKEN_RESPONSE_INVALID for an answer that cannot be used
 */
export function parseTokenResponse(response: HttpResponse, context: ResponseContext): TokenResponse {
  const { status } = response;
  const document = parseJsonObject(response.body.toString('utf8').replace(/^\ufeff/, ''));
  if (status === 200) return success(document, response, context);
  if (status === 429 || status === 408 || status >= 500) throw unavailable(document, response, context);
  if (status < 300) throw invalid(response, context, `it answered ${status} instead of 200`);
  if (status < 400) {
    throw invalid(
      response,
      context,
      'it answered with a redirect, which a token request never follows',
      'Check ims.tokenEndpoint.',
    );
  }
  if (typeof document?.error === 'string') throw rejected(document, document.error, response, context);
  throw invalid(
    response,
    context,
    `it answered ${status} without an OAuth error`,
    'Check ims.tokenEndpoint and the proxy.',
  );
}

function success(document: JsonObject | undefined, response: HttpResponse, context: ResponseContext): TokenResponse {
  const fail = (message: string, hint?: string) => invalid(response, context, message, hint);
  if (document === undefined) {
    throw fail(`its answer is ${kindOfBody(response)}, not a JSON object`, 'Check ims.tokenEndpoint and the proxy.');
  }
  const { access_token: accessToken, token_type: tokenType, expires_in: expiresIn } = document;
  if (typeof accessToken !== 'string' || accessToken === '') throw fail('its answer has no access_token');
  if (!B64TOKEN.test(accessToken) || accessToken.length > MAX_TOKEN_LENGTH) {
    throw fail('its access_token has characters or a length that a Bearer token cannot have');
  }
  // Some IMS answers have no token_type; one that cannot go into a Bearer header is another matter.
  if (tokenType !== undefined && (typeof tokenType !== 'string' || tokenType.toLowerCase() !== 'bearer')) {
    throw fail('its token_type is not "bearer"');
  }
  const { seconds, warnings } = lifetime(expiresIn, accessToken, fail);
  const scope = parseStringList(document.scope);
  return {
    accessToken,
    tokenType: 'bearer',
    expiresInSeconds: seconds,
    ...(scope === undefined || scope.length === 0 ? {} : { scope }),
    warnings,
  };
}

/**
 * `expires_in` is seconds, a number or a numeric text; the token's own claims help where it makes no sense, or says
 * more than they do: milliseconds of an hour look like a month of seconds.
 */
function lifetime(
  value: unknown,
  token: string,
  fail: (message: string) => Error,
): { seconds: number; warnings: string[] } {
  const own = readClaims(token)?.lifetimeSeconds;
  const claimed = own !== undefined && own >= 1 ? own : undefined;
  const assumed = Math.min(claimed ?? DAY_SECONDS, DAY_SECONDS);
  if (value === undefined || value === null) {
    if (claimed === undefined) throw fail('its answer has no expires_in');
    return {
      seconds: assumed,
      warnings: ['the answer has no expires_in; the lifetime is taken from the token itself'],
    };
  }
  const seconds = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value;
  if (typeof seconds !== 'number') throw fail('its expires_in is not a number');
  if (seconds < 1) throw fail(`its expires_in is ${seconds}: the token would be expired already`);
  if (claimed !== undefined && claimed < seconds && seconds <= YEAR_SECONDS) {
    const warnings = seconds - claimed > 1 ? [`expires_in is ${seconds}, but the token itself lives ${claimed} s`] : [];
    return { seconds: claimed, warnings };
  }
  if (seconds <= YEAR_SECONDS) return { seconds, warnings: [] };
  return {
    seconds: assumed,
    warnings: [`expires_in is ${seconds}, more than a year of seconds; ${assumed} is assumed`],
  };
}

export const REJECTION_HINTS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    invalid_client:
      'The client secret does not belong to the client id, or was deleted. Compare both with the credential in the Adobe Developer Console.',
    unauthorized_client:
      'This credential may not use client_credentials: it must be of the type OAuth Server-to-Server.',
    invalid_scope:
      'The credential may not have one of the scopes. Compare ims.scope with the scopes in the Adobe Developer Console.',
    invalid_request: 'A parameter is missing or wrong. Check ims.tokenEndpoint, the client id and ims.scope.',
  }),
);

function rejected(document: JsonObject, error: string, response: HttpResponse, context: ResponseContext): Error {
  const code = /^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/.test(error) ? scrubbed(error, context) : 'unknown_error';
  const description = printable(document.error_description, context);
  return new TokenRequestRejectedError(
    `${context.endpoint} rejected the request: ${code}${description === undefined ? '' : `, "${description}"`} (${details(response, context)})`,
    {
      error: code,
      status: response.status,
      error_description: description,
      debugId: debugIdOf(response, context),
    },
    { hint: REJECTION_HINTS.get(code) },
  );
}

function unavailable(
  document: JsonObject | undefined,
  response: HttpResponse,
  context: ResponseContext,
): ImsvaultError {
  const serverNow = Date.parse(response.headers.date ?? '');
  const retryAfterMs = parseRetryAfter(
    response.headers['retry-after'],
    Number.isNaN(serverNow) ? context.now : serverNow,
  );
  const error = typeof document?.error === 'string' ? printable(document.error, context) : undefined;
  const what = response.status === 429 ? 'throttles this client' : 'is in trouble';
  return new ImsvaultError(
    'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
    `${context.endpoint} ${what}${error === undefined ? '' : `: ${error}`} (${details(response, context)})`,
    {
      retryAfterMs,
      hint:
        response.status === 429
          ? 'Too many tokens were asked for: share one provider, or one token store, between your processes.'
          : 'Try again later; https://status.adobe.com tells about known incidents.',
    },
  );
}

function invalid(response: HttpResponse, context: ResponseContext, message: string, hint?: string): ImsvaultError {
  return new ImsvaultError(
    'ERR_TOKEN_RESPONSE_INVALID',
    `${context.endpoint}: ${message} (${details(response, context)})`,
    { hint },
  );
}

function details(response: HttpResponse, context: ResponseContext): string {
  const debugId = debugIdOf(response, context);
  const encoding = response.headers['content-encoding'] ?? 'identity';
  const coded = encoding.toLowerCase() === 'identity' ? '' : `, content-encoding ${shown(context.scrub(encoding))}`;
  return `HTTP ${response.status}${coded}${debugId === undefined ? '' : `, x-debug-id ${debugId}`}`;
}

const shown = (encoding: string) => (/^[\w, -]{1,40}$/.test(encoding) ? encoding : 'of an unknown kind');

function debugIdOf(response: HttpResponse, { scrub }: ResponseContext): string | undefined {
  const value = scrub(response.headers['x-debug-id'] ?? '');
  return /^[\w.:-]{1,100}$/.test(value) ? value : undefined;
}

/** A standard code is no echo: a short secret may stand in it by chance, and more than the text depends on it. */
const scrubbed = (text: string, { scrub }: ResponseContext) => (REJECTION_HINTS.has(text) ? text : scrub(text));

function printable(value: unknown, context: ResponseContext): string | undefined {
  if (typeof value !== 'string') return undefined;
  // Scrubbed first: a secret with other characters would not be found in what is left of it.
  const text = scrubbed(value, context).replace(/[^\x20-\x7e]+/g, ' ');
  return text.trim().slice(0, 200) || undefined;
}

function kindOfBody(response: HttpResponse): string {
  if (response.body.length === 0) return 'empty';
  return /^\s*</.test(response.body.toString('latin1', 0, 64))
    ? 'HTML'
    : `${response.body.length} bytes of something else`;
}
