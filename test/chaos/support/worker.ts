import { tmpdir } from 'node:os';
import { expect } from 'vitest';
import type { AccessToken } from '../../../src/access-token.js';
import { ImsvaultError } from '../../../src/errors.js';
import type { TokenEvent } from '../../../src/token/token-events.js';
import { createTokenProvider, type TokenProvider } from '../../../src/token-provider.js';
import { createJumpClock, type JumpClock } from './jump-clock.js';
import { slack } from './pace.js';

export interface WorkerOptions {
  env: Readonly<Record<string, string | undefined>>;
  clock?: JumpClock;
}

/** A program that uses the library, with everything that it was told. */
export interface Worker extends TokenProvider {
  readonly clock: JumpClock;
  readonly events: TokenEvent[];
  readonly warnings: string[];
  /** Waits for an event of that type; the test fails when none comes in `ms`. */
  until(type: TokenEvent['type'], ms: number): Promise<TokenEvent>;
}

export function createWorker(config: object, { env, clock = createJumpClock() }: WorkerOptions): Worker {
  const events: TokenEvent[] = [];
  const warnings: string[] = [];
  let listeners: (() => void)[] = [];
  const provider = createTokenProvider(config, {
    env,
    clock,
    cwd: tmpdir(),
    // Pauses are tested elsewhere; here they are short.
    random: () => 0.05,
    onWarning: (message) => warnings.push(message),
    onEvent(event) {
      events.push(event);
      for (const tell of listeners) tell();
    },
  });
  return Object.assign(provider, {
    clock,
    events,
    warnings,
    async until(type: TokenEvent['type'], ms: number) {
      const seen = events.length;
      const find = () => events.slice(seen).find((event) => event.type === type);
      const came = new Promise<TokenEvent>((resolve) => {
        const look = () => {
          const found = find();
          if (found !== undefined) resolve(found);
        };
        listeners.push(look);
      });
      const { outcome } = await settled(came, ms, clock);
      listeners = [];
      if (outcome instanceof Error) throw outcome;
      return outcome as TokenEvent;
    },
  });
}

/** How a call ended. */
export interface Settled<T> {
  outcome: T | ImsvaultError;
  tookMs: number;
}

/**
 * Waits for a call, which must have an end.
 * @param boundMs by the worker's clock; a busy machine may add a little
 */
export async function settled<T>(call: Promise<T>, boundMs: number, clock: JumpClock): Promise<Settled<T>> {
  const begun = clock.monotonic();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${boundMs} ms`)), boundMs + slack());
  });
  try {
    const outcome = await Promise.race([call, late]);
    return { outcome, tookMs: clock.monotonic() - begun };
  } catch (error) {
    if (!(error instanceof ImsvaultError)) throw error;
    return { outcome: error, tookMs: clock.monotonic() - begun };
  } finally {
    clearTimeout(timer);
  }
}

export function expectToken(outcome: unknown): AccessToken {
  if (outcome instanceof ImsvaultError) expect.unreachable(`an error in place of a token: ${outcome.message}`);
  return outcome as AccessToken;
}
