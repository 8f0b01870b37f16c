import { printableName } from './terminal-text.js';

/** Every code that an imsvault error can carry. Match on `code`, not on messages. */
export type ErrorCode =
  | 'ERR_CONFIG_INVALID'
  | 'ERR_PROVIDER_NOT_INSTALLED'
  | 'ERR_PROVIDER_NOT_CONFIGURED'
  | 'ERR_SECRET_NOT_FOUND'
  | 'ERR_SECRET_ACCESS_DENIED'
  | 'ERR_SECRET_MALFORMED'
  | 'ERR_SECRET_UNAVAILABLE'
  | 'ERR_SECRET_VERSION_CONFLICT'
  | 'ERR_TOKEN_REQUEST_REJECTED'
  | 'ERR_TOKEN_ENDPOINT_UNAVAILABLE'
  | 'ERR_TOKEN_RESPONSE_INVALID'
  | 'ERR_TOKEN_DOCUMENT_MISMATCH'
  | 'ERR_TOKEN_WAIT_TIMEOUT'
  | 'ERR_ROTATION_REFUSED'
  | 'ERR_ROTATION_UNAVAILABLE'
  | 'ERR_AGENT_UNAVAILABLE'
  | 'ERR_ABORTED';

/** Codes whose cause may pass by itself: trying again later can help. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'ERR_SECRET_UNAVAILABLE',
  'ERR_SECRET_VERSION_CONFLICT',
  'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
  'ERR_TOKEN_WAIT_TIMEOUT',
  'ERR_ROTATION_UNAVAILABLE',
  'ERR_AGENT_UNAVAILABLE',
]);

/** What an error tells beside its code and text. */
export interface ImsvaultErrorOptions {
  /** What the reader can do about it; one sentence. */
  hint?: string | undefined;
  /** Overrides what the code implies. */
  retryable?: boolean | undefined;
  /** How long the server asked to be left alone, in milliseconds. */
  retryAfterMs?: number | undefined;
  /** From {@link vendorCause}; never a vendor's error itself, which may hold a request and its secrets. */
  cause?: VendorCause | ImsvaultError | undefined;
}

/** The base of every error that imsvault throws. Its text and fields hold no secret. */
export class ImsvaultError extends Error {
  readonly code: ErrorCode;
  /** Whether the same call may succeed later without a change by anybody. */
  readonly retryable: boolean;
  declare readonly hint?: string;
  declare readonly retryAfterMs?: number;

  constructor(code: ErrorCode, message: string, options: ImsvaultErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ImsvaultError';
    this.code = code;
    this.retryable = options.retryable ?? RETRYABLE.has(code);
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}

/** An error as part of a warning: what happened, and what to do. Of what is not ours, nothing is told. */
export function inWords(error: unknown): string {
  if (!(error instanceof ImsvaultError)) return 'unknown error';
  return error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
}

/** One thing wrong with a configuration. */
export interface ConfigProblem {
  /** Where in the configuration: `credentials.auth.method`; empty for the whole. */
  path: string;
  message: string;
  /** A file with its line, a flag, or an environment variable. */
  source?: string;
}

/** A file that is no config at all can have thousands. */
const MAX_PRINTED_PROBLEMS = 20;

/** `ERR_CONFIG_INVALID` with every problem that was found, not only the first; its text names the first 20. */
export class ConfigInvalidError extends ImsvaultError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options: ImsvaultErrorOptions = {}) {
    const lines = problems
      .slice(0, MAX_PRINTED_PROBLEMS)
      .map(
        ({ path, message, source }) =>
          `${path === '' ? '' : `${printableName(path)}: `}${message}${source === undefined ? '' : ` (${source})`}`,
      );
    const rest = problems.length - lines.length;
    if (rest > 0) lines.push(`and ${rest} more`);
    super(
      'ERR_CONFIG_INVALID',
      problems.length === 1 ? (lines[0] as string) : `${problems.length} problems:\n  ${lines.join('\n  ')}`,
      options,
    );
    this.name = 'ConfigInvalidError';
    this.problems = problems;
  }
}

/** What IMS said when it refused the request (RFC 6749 §5.2). */
export interface TokenRequestRejection {
  /** OAuth error code, for example `invalid_client`. */
  error: string;
  error_description?: string | undefined;
  /** HTTP status, for example 400. */
  status: number;
  /** IMS's `x-debug-id` header; give it to Adobe's support. */
  debugId?: string | undefined;
}

/** `ERR_TOKEN_REQUEST_REJECTED`: IMS refused the credential, the grant or the scope. */
export class TokenRequestRejectedError extends ImsvaultError {
  readonly error: string;
  declare readonly error_description?: string;
  readonly status: number;
  declare readonly debugId?: string;

  constructor(message: string, rejection: TokenRequestRejection, options: ImsvaultErrorOptions = {}) {
    super('ERR_TOKEN_REQUEST_REJECTED', message, options);
    this.name = 'TokenRequestRejectedError';
    this.error = rejection.error;
    this.status = rejection.status;
    if (rejection.error_description !== undefined) this.error_description = rejection.error_description;
    if (rejection.debugId !== undefined) this.debugId = rejection.debugId;
  }
}

/** The part of a vendor's error that is safe to keep. */
export interface VendorCause {
  name: string;
  code?: string;
  status?: number;
  requestId?: string;
}

/** Only identifier-like text passes: a vendor may put anything, a URL with a token included, into a field. */
function identifier(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,100}$/.test(value) ? value : undefined;
}

/**
 * Reduces a vendor's error to name, code, status and request id. Its message and everything else are dropped:
 * some SDKs put the login token or the request body there.
 */
export function vendorCause(
  error: unknown,
  extra: { status?: number | undefined; requestId?: string | undefined } = {},
): VendorCause {
  const source = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const cause: VendorCause = { name: identifier(source.name) ?? 'Error' };
  const code = identifier(source.code);
  if (code !== undefined) cause.code = code;
  if (extra.status !== undefined) cause.status = extra.status;
  const requestId = identifier(extra.requestId);
  if (requestId !== undefined) cause.requestId = requestId;
  return cause;
}
