import { type ErrorCode, ImsvaultError } from '../errors.js';

/** What the process ends with. Documented in docs/cli.md; scripts rely on it. */
export const EXIT = {
  done: 0,
  unexpected: 1,
  usage: 2,
  secret: 3,
  rejected: 4,
  unavailable: 5,
  /** The program that `exec` is to run; 126 and 127 as shells have them. */
  notExecutable: 126,
  notFound: 127,
  interrupted: 130,
  /** Whatever read stdout reads no more; 128 + SIGPIPE. */
  brokenPipe: 141,
  terminated: 143,
} as const;

const BY_CODE: Readonly<Record<ErrorCode, number>> = {
  ERR_CONFIG_INVALID: EXIT.usage,
  ERR_PROVIDER_NOT_INSTALLED: EXIT.usage,
  ERR_PROVIDER_NOT_CONFIGURED: EXIT.secret,
  ERR_SECRET_NOT_FOUND: EXIT.secret,
  ERR_SECRET_ACCESS_DENIED: EXIT.secret,
  ERR_SECRET_MALFORMED: EXIT.secret,
  ERR_SECRET_UNAVAILABLE: EXIT.unavailable,
  ERR_SECRET_VERSION_CONFLICT: EXIT.unavailable,
  ERR_TOKEN_REQUEST_REJECTED: EXIT.rejected,
  ERR_TOKEN_ENDPOINT_UNAVAILABLE: EXIT.unavailable,
  ERR_TOKEN_RESPONSE_INVALID: EXIT.rejected,
  ERR_TOKEN_DOCUMENT_MISMATCH: EXIT.unexpected,
  ERR_TOKEN_WAIT_TIMEOUT: EXIT.unavailable,
  ERR_ROTATION_REFUSED: EXIT.rejected,
  ERR_ROTATION_UNAVAILABLE: EXIT.unavailable,
  ERR_ABORTED: EXIT.interrupted,
};

export function exitCodeFor(error: unknown): number {
  return error instanceof ImsvaultError ? BY_CODE[error.code] : EXIT.unexpected;
}
