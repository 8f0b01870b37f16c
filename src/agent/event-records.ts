import type { LoadedConfig } from '../config/load-config.js';
import { ConfigInvalidError, ImsvaultError } from '../errors.js';
import type { LogRecord } from '../observe/log.js';
import type { TokenEvent } from '../token/token-events.js';

const ODD: ReadonlySet<TokenEvent['type']> = new Set(['uncoordinated', 'store-unavailable', 'identity-mismatch']);

export function tokenRecord(profile: string, event: TokenEvent): LogRecord {
  switch (event.type) {
    case 'renewed':
      return {
        level: 'info',
        event: 'token-renewed',
        profile,
        source: event.source,
        client_id: event.clientId,
        expires_at: new Date(event.expiresAt).toISOString(),
        duration_ms: Math.round(event.durationMs),
        ...(event.generation === undefined ? {} : { generation: event.generation }),
      };
    case 'renewal-failed':
      return {
        level: 'warn',
        event: 'token-renewal-failed',
        profile,
        code: event.code,
        message: event.message,
        ...(event.hint === undefined ? {} : { hint: event.hint }),
        retry_at: new Date(event.retryAt).toISOString(),
      };
    default:
      return { level: ODD.has(event.type) ? 'warn' : 'debug', event: `token-${event.type}`, profile };
  }
}

/** Why a config was not taken. */
export function refusalRecord(error: unknown): LogRecord {
  const head = { level: 'error', event: 'config-refused' } as const;
  if (error instanceof ConfigInvalidError) return { ...head, code: error.code, problems: error.problems };
  // The text of an error that is not ours may quote anything.
  if (!(error instanceof ImsvaultError)) return { ...head, code: 'ERR_UNEXPECTED' };
  return { ...head, code: error.code, message: error.message };
}

/** The settings of an agent that a reload does not change, and that another config has otherwise. */
export function unchangeable(now: LoadedConfig['agent'], next: LoadedConfig['agent']): string[] {
  const keys = Object.keys(now).filter((key) => key !== 'sinks') as (keyof typeof now)[];
  return keys.filter((key) => JSON.stringify(now[key]) !== JSON.stringify(next[key]));
}
