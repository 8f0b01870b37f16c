import { AccessToken } from '../../access-token.js';
import type { BootTime } from '../../clock.js';
import { ImsvaultError } from '../../errors.js';
import { reveal } from '../../redacted.js';
import {
  type Fields,
  type PublishedToken,
  parseObject,
  parseTime,
  parseTokenFields,
  tokenFields,
} from '../fleet/published-token.js';
import { phaseAt, type RenewalSchedule, type TokenPhase } from '../renewal-schedule.js';
import type { RecordedFacts } from './facts.js';

/** What stands in a cache file. Times are this machine's own. */
export interface TokenRecord {
  /** `publishId` tells this record from others. */
  token: PublishedToken;
  schedule: RenewalSchedule;
  /** Unix milliseconds. */
  savedAt: number;
  boot: BootTime | undefined;
  facts: RecordedFacts;
  /** The last early renewals failed: none is tried before `until`, Unix milliseconds. */
  pause?: RecordPause;
}

export interface RecordPause {
  until: number;
  count: number;
}

export const RECORD_SCHEMA = 'imsvault-cache/1';
export const MAX_PAUSE_MS = 300_000;
/** Clocks are trusted to this when nothing but the wall clock tells a token's age. */
const CLOCK_TOLERANCE_MS = 2000;

export function serializeRecord({ token, schedule, savedAt, boot, facts, pause }: TokenRecord): string {
  return JSON.stringify({
    schema: RECORD_SCHEMA,
    ...tokenFields(token),
    saved_at: new Date(savedAt).toISOString(),
    ...(boot === undefined ? {} : { boot: { id: boot.id, ms: boot.ms } }),
    schedule: [schedule.softMs, schedule.hardMs, schedule.floorMs],
    facts,
    ...(pause === undefined ? {} : { pause: { until: new Date(pause.until).toISOString(), count: pause.count } }),
  });
}

/**
 * @param now Unix milliseconds
 * @returns the record, or what is wrong with it; never a value of it
 */
export function parseRecord(text: string, now: number): TokenRecord | { problem: string } {
  const fields = parseObject(text);
  if (fields === undefined) return { problem: 'is not a JSON object' };
  if (fields.schema !== RECORD_SCHEMA) return { problem: 'was written by another version' };
  try {
    const token = parseTokenFields(fields, now, malformed, 'own');
    const savedAt = parseTime(fields.saved_at);
    if (savedAt === undefined) throw malformed('its saved_at is malformed');
    const pause = parsePause(fields.pause);
    return {
      token,
      schedule: parseSchedule(fields.schedule, token.expiresAt - token.issuedAt),
      savedAt,
      boot: parseBoot(fields.boot),
      facts: parseFacts(fields.facts),
      ...(pause === undefined ? {} : { pause }),
    };
  } catch (error) {
    if (!(error instanceof ImsvaultError)) throw error;
    return { problem: `is malformed: ${error.message}` };
  }
}

const malformed = (what: string) => new ImsvaultError('ERR_SECRET_MALFORMED', what);

function parseSchedule(value: unknown, lifeMs: number): RenewalSchedule {
  const [softMs, hardMs, floorMs] = Array.isArray(value) ? (value as unknown[]) : [];
  const inOrder = [0, softMs, hardMs, floorMs, lifeMs].every(
    (point, index, points) => typeof point === 'number' && (index === 0 || point >= (points[index - 1] as number)),
  );
  if (!inOrder) throw malformed('its schedule is malformed');
  return { softMs, hardMs, floorMs } as RenewalSchedule;
}

function parseBoot(value: unknown): BootTime | undefined {
  if (value === undefined) return undefined;
  const { id, ms } = (value ?? {}) as Fields;
  if (typeof id !== 'string' || !Number.isSafeInteger(ms)) throw malformed('its boot is malformed');
  return { id, ms: ms as number };
}

function parsePause(value: unknown): RecordPause | undefined {
  if (value === undefined) return undefined;
  const { until, count } = (value ?? {}) as Fields;
  const time = parseTime(until);
  if (time === undefined || !Number.isSafeInteger(count)) throw malformed('its pause is malformed');
  return { until: time, count: count as number };
}

function parseFacts(value: unknown): RecordedFacts {
  const { files, env } = (value ?? {}) as Fields;
  const arePairs = (list: unknown) =>
    Array.isArray(list) &&
    list.every(
      (pair) => Array.isArray(pair) && typeof pair[0] === 'string' && (pair[1] === null || typeof pair[1] === 'string'),
    );
  if (!arePairs(files) || !arePairs(env)) throw malformed('its facts are malformed');
  return { files, env } as unknown as RecordedFacts;
}

/**
 * Milliseconds since the token was asked for: the larger of what the wall clock says, which may have been set back, and
 * what the boot's clock says, which another system may share the file with.
 * @returns undefined: no clock tells, because the wall clock was set back over a reboot
 */
export function ageOf(record: TokenRecord, now: number, boot: BootTime | undefined): number | undefined {
  const { token, savedAt, boot: then } = record;
  const byWall = now - token.issuedAt;
  if (boot === undefined || then === undefined || boot.id !== then.id || boot.ms < then.ms) {
    return now < savedAt - CLOCK_TOLERANCE_MS ? undefined : Math.max(0, byWall);
  }
  const byBoot = Math.max(0, savedAt - token.issuedAt) + boot.ms - then.ms;
  return Math.max(byWall, byBoot);
}

/** A record's token as it can be used now. */
export interface CachedToken {
  /** Its times fit the wall clock as it stands now. */
  token: AccessToken;
  phase: TokenPhase;
  /** Whether it must not be renewed early just now. */
  isPaused: boolean;
  record: TokenRecord;
}

/** @returns undefined when it can no longer be used */
export function tokenOf(record: TokenRecord, now: number, boot: BootTime | undefined): CachedToken | undefined {
  const ageMs = ageOf(record, now, boot);
  const phase = ageMs === undefined ? 'expired' : phaseAt(record.schedule, ageMs);
  if (ageMs === undefined || phase === 'expired') return undefined;
  const { token, pause } = record;
  // A wall clock that was set back since gets times that fit it; small differences are the clocks' grain.
  const setBackMs = ageMs - (now - token.issuedAt);
  const issuedAt = token.issuedAt - (setBackMs > CLOCK_TOLERANCE_MS ? setBackMs : 0);
  const isPaused = pause !== undefined && pause.until > now && pause.until <= now + MAX_PAUSE_MS;
  return {
    token: new AccessToken({
      ...token,
      accessToken: reveal(token.accessToken),
      issuedAt,
      expiresAt: issuedAt + token.expiresAt - token.issuedAt,
    }),
    phase,
    isPaused,
    record,
  };
}
