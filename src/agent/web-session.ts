import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';

/** A code is for a person who has just asked for it. */
export const CODE_LIFE_MS = 60_000;
export const SESSION_LIFE_MS = 3_600_000;
/** More than people have browsers; the oldest goes. */
const MAX_HELD = 64;

/** Lets browsers see the status page: a code that works once becomes a cookie that works for an hour. */
export interface WebSessions {
  /** A code for a URL. */
  issueCode(): string;
  /** Burns the code. @returns the cookie's value; undefined: no such code, or too late */
  redeem(code: string): string | undefined;
  isOpen(cookie: string): boolean;
}

export function createWebSessions(clock: Clock): WebSessions {
  const codes = createExpiring(clock, CODE_LIFE_MS);
  const sessions = createExpiring(clock, SESSION_LIFE_MS);
  return {
    issueCode: codes.add,
    redeem: (code) => (codes.has(code, true) ? sessions.add() : undefined),
    isOpen: (cookie) => sessions.has(cookie, false),
  };
}

/** Random values that are known for a while. Kept as hashes, so that how long a look-up takes tells nothing. */
function createExpiring(clock: Clock, lifeMs: number) {
  const endsAt = new Map<string, number>();
  const hash = (value: string) => createHash('sha256').update(value).digest('base64');
  return {
    add(): string {
      const value = randomBytes(32).toString('base64url');
      const oldest = endsAt.keys().next();
      if (endsAt.size >= MAX_HELD && !oldest.done) endsAt.delete(oldest.value);
      endsAt.set(hash(value), clock.monotonic() + lifeMs);
      return value;
    },
    has(value: string, burn: boolean): boolean {
      const key = hash(value);
      const end = endsAt.get(key);
      if (end === undefined) return false;
      const isOver = clock.monotonic() >= end;
      if (burn || isOver) endsAt.delete(key);
      return !isOver;
    },
  };
}
