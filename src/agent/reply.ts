import type { ServerResponse } from 'node:http';
import { ImsvaultError } from '../errors.js';

/** What goes back to a client, ready to be sent again and again. */
export interface Reply {
  readonly status: number;
  /** Names and values in turn, as `writeHead` takes them. */
  readonly headers: string[];
  readonly body: Buffer;
}

/** Codes of answers that are about the request; those about the token are imsvault's own (`ErrorCode`). */
export type AgentErrorCode =
  | 'ERR_AGENT_REQUEST_INVALID'
  | 'ERR_AGENT_FORWARDED'
  | 'ERR_AGENT_HOST'
  | 'ERR_AGENT_FORBIDDEN'
  | 'ERR_AGENT_NOT_FOUND'
  | 'ERR_AGENT_PROFILE_UNKNOWN'
  | 'ERR_AGENT_METHOD'
  | 'ERR_AGENT_BODY'
  | 'ERR_AGENT_TOO_MANY_CONNECTIONS'
  | 'ERR_AGENT_TOO_MANY_RENEWALS'
  | 'ERR_AGENT_NO_WEB_ADDRESS';

export interface AgentProblem {
  code: AgentErrorCode;
  message: string;
  hint?: string;
  retryable?: boolean;
}

export const NO_STORE = ['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff'];

export function reply(status: number, type: string, text: string, headers: readonly string[] = []): Reply {
  const body = Buffer.from(text);
  const length = String(body.length);
  return { status, headers: ['Content-Type', type, 'Content-Length', length, ...NO_STORE, ...headers], body };
}

export function jsonReply(status: number, value: object, headers: readonly string[] = []): Reply {
  return reply(status, 'application/json', `${JSON.stringify(value)}\n`, headers);
}

export function problemReply(
  status: number,
  { code, message, hint, retryable = false }: AgentProblem,
  headers: readonly string[] = [],
): Reply {
  return jsonReply(status, { error: { code, message, ...(hint === undefined ? {} : { hint }), retryable } }, headers);
}

const FROM_IMS: ReadonlySet<string> = new Set(['ERR_TOKEN_REQUEST_REJECTED', 'ERR_TOKEN_RESPONSE_INVALID']);

/**
 * An error of the token's way: 502 where IMS refused, 503 where trying again may help, 500 where somebody has to mend
 * something here.
 * @param pauseMs until the provider tries again
 */
export function failureReply(thrown: unknown, pauseMs: number): Reply {
  const error = thrown instanceof ImsvaultError ? thrown : undefined;
  const { code = 'ERR_UNEXPECTED', message = 'unexpected error', hint, retryable = false } = error ?? {};
  const status = FROM_IMS.has(code) ? 502 : retryable || code === 'ERR_ABORTED' ? 503 : 500;
  const retryAfter = status === 500 ? [] : retryAfterHeader(Math.max(pauseMs, error?.retryAfterMs ?? 0));
  return jsonReply(
    status,
    { error: { code, message, ...(hint === undefined ? {} : { hint }), retryable } },
    retryAfter,
  );
}

export function retryAfterHeader(waitMs: number): string[] {
  return ['Retry-After', String(Math.max(1, Math.ceil(waitMs / 1000)))];
}

export type Send = (response: ServerResponse, reply: Reply) => void;

/** @param isClosing whether the agent ends: answers then close their connections */
export function createSend(isClosing: () => boolean): Send {
  return (response, { status, headers, body }) => {
    if (isClosing()) response.shouldKeepAlive = false;
    response.writeHead(status, headers).end(body);
  };
}
