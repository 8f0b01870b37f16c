import { expect } from 'vitest';
import type { AccessToken } from '../../../src/access-token.js';
import type { ErrorCode } from '../../../src/errors.js';
import { ImsvaultError } from '../../../src/errors.js';
import type { Fault, Meaning } from './faults.js';
import type { Link, Trouble } from './link.js';
import type { Cell } from './reliability.js';
import { expectToken, type Settled, settled, type Worker } from './worker.js';

/** What a fault strikes, and how its worker is bounded there. */
export interface End {
  error: Partial<Record<Meaning, { code: ErrorCode; retryable: boolean }>>;
  /** Tries in all for what may pass. */
  tries: number;
  requestsPerTry: number;
  /** Default: as many as requests. */
  connectionsPerTry?: number;
  /** Of one renewal, in milliseconds. */
  boundMs(fault: Stage['fault']): number;
  bound(fault: Stage['fault']): string;
  /** The most of a Retry-After that is waited. */
  maxRetryAfterMs: number;
}

export interface Stage {
  worker: Worker;
  link: Link;
  end: End;
  fault: Pick<Fault, 'means' | 'retryAfterMs'>;
  /** The fault, as it is there. */
  trouble: Trouble;
  /** Tokens that IMS has issued. */
  issued(): readonly string[];
}

/** What a cell says of its test. */
export type Seen = Pick<Cell, 'sees' | 'within' | 'kept'>;

/** Life of the tokens. */
export const LIFE_MS = 3_600_000;

const inWords = ({ code, retryable }: { code: string; retryable: boolean }) =>
  `\`${code}\`${retryable ? ', retryable' : ''}`;

/** Undefined: a token. */
function expected({ end, fault: { means } }: Stage): { code: ErrorCode; retryable: boolean } | undefined {
  const error = end.error[means];
  if (error === undefined && means !== 'served') throw new Error(`nobody said what ${means} is`);
  return error;
}

const boundMs = ({ end, fault }: Stage) => end.boundMs(fault);
const bound = ({ end, fault }: Stage) => end.bound(fault);

/** More is not waited in real time. */
const PATIENCE_MS = 2000;

async function hurried<T>({ worker, fault, end }: Stage, call: Promise<T>): Promise<T> {
  const waitMs = Math.min(fault.retryAfterMs?.[1] ?? 0, end.maxRetryAfterMs);
  if (waitMs > PATIENCE_MS) worker.clock.skip(waitMs);
  return call.finally(() => worker.clock.skip(undefined));
}

const waited = <T>(stage: Stage, call: Promise<T>) => settled(hurried(stage, call), boundMs(stage), stage.worker.clock);

/** Requests and connections since `before`, which no number of callers may raise above those of one renewal. */
function expectNoFlood({ link, end }: Stage, before: ReturnType<Link['counts']>, renewals: number): void {
  const tries = renewals * end.tries;
  const { requestsPerTry, connectionsPerTry = requestsPerTry } = end;
  const { connections, requests } = link.counts();
  expect(requests - before.requests).toBeLessThanOrEqual(tries * requestsPerTry);
  expect(connections - before.connections).toBeLessThanOrEqual(tries * connectionsPerTry + 1);
}

/** @returns how long it took */
function expectOutcome(stage: Stage, { outcome, tookMs }: Settled<AccessToken>): void {
  const error = expected(stage);
  if (error === undefined) {
    expect(stage.issued()).toContain(expectToken(outcome).accessToken);
    return;
  }
  if (!(outcome instanceof ImsvaultError)) expect.unreachable(`a token in place of ${error.code}`);
  expect({ code: outcome.code, retryable: outcome.retryable }, outcome.message).toEqual(error);
  const { fault, end } = stage;
  if (fault.retryAfterMs === undefined) return;
  // The server's wish was granted between tries, as far as it goes, and the caller is told of it.
  const [atLeast] = fault.retryAfterMs;
  expect(tookMs).toBeGreaterThanOrEqual((end.tries - 1) * Math.min(atLeast, end.maxRetryAfterMs) - 50);
  expect(outcome.retryAfterMs).toBeGreaterThanOrEqual(atLeast);
}

const CALLERS = 20;
const together = <T>(call: () => Promise<T>) => Promise.all(Array.from({ length: CALLERS }, call));

/** After the fault everything is as before it. */
async function expectRecovery({ worker, link, issued }: Stage, newerThan: readonly string[] = []): Promise<void> {
  await link.heal();
  const { outcome } = await settled(worker.getToken(), 5000, worker.clock);
  const { accessToken } = expectToken(outcome);
  expect(issued()).toContain(accessToken);
  expect(newerThan).not.toContain(accessToken);
}

/** Twenty callers, and no token yet. */
export async function cold(stage: Stage): Promise<Seen> {
  const { worker, link, trouble } = stage;
  await link.disturb(trouble);
  const before = link.counts();
  const calls = together(() => worker.getToken().catch((error: unknown) => error));
  const { outcome, tookMs } = await waited(stage, calls);
  if (outcome instanceof ImsvaultError) throw outcome;
  for (const each of outcome) {
    if (!(each instanceof ImsvaultError) && each instanceof Error) throw each;
    expectOutcome(stage, { outcome: each as AccessToken, tookMs });
  }
  expectNoFlood(stage, before, 1);
  await expectRecovery(stage);
  const error = expected(stage);
  return { sees: error === undefined ? 'a token' : inWords(error), within: bound(stage), kept: 'the next call works' };
}

/** A token is held and fresh. */
export async function warm(stage: Stage): Promise<Seen> {
  const { worker, link, trouble } = stage;
  const held = await worker.getToken();
  await link.disturb(trouble);
  const before = link.counts();
  const tokens = await together(() => worker.getToken());
  expect(new Set(tokens)).toEqual(new Set([held]));
  expect(link.counts()).toEqual(before);

  expectOutcome(stage, await waited(stage, worker.getToken({ forceRenew: true })));
  expectNoFlood(stage, before, 1);
  const error = expected(stage);
  if (error !== undefined) {
    expect(await worker.getToken()).toBe(held);
    expect(worker.peekToken()).toBe(held);
  }
  await link.heal();
  const renewed = await settled(worker.getToken({ forceRenew: true }), 5000, worker.clock);
  expect(expectToken(renewed.outcome)).not.toBe(held);
  return {
    sees: `the token; \`forceRenew\`: ${error === undefined ? 'a new one' : inWords(error)}`,
    within: `at once; \`forceRenew\`: ${bound(stage)}`,
    kept: error === undefined ? 'the next call works' : 'the token, though `forceRenew` failed',
  };
}

/** A token is held, and due. */
export async function renewing(stage: Stage): Promise<Seen> {
  const { worker, link, trouble, issued } = stage;
  const held = await worker.getToken();
  await link.disturb(trouble);
  const before = link.counts();
  const error = expected(stage);
  const ended = worker.until(error === undefined ? 'renewed' : 'renewal-failed', boundMs(stage));
  worker.clock.advance(0.85 * LIFE_MS);
  expect(await worker.getToken()).toBe(held);
  const event = await hurried(stage, ended);
  if (error === undefined) {
    expect(await worker.getToken()).not.toBe(held);
    await expectRecovery(stage, [held.accessToken]);
    return { sees: 'the token, then the next one', within: 'at once', kept: 'the next call works' };
  }
  expect(event).toMatchObject(error);
  expect(new Set(await together(() => worker.getToken()))).toEqual(new Set([held]));
  expectNoFlood(stage, before, 1);

  worker.clock.advance(0.14 * LIFE_MS);
  expect(worker.peekToken()).toBeUndefined();
  const after = await waited(stage, worker.getToken());
  expect(after.outcome).toMatchObject(error);
  // The token ended, which is a renewal in the background and one of the caller's.
  expectNoFlood(stage, before, 3);
  await expectRecovery(stage, issued().slice(0, 1));
  return {
    sees: `the token while it is valid, then ${inWords(error)}`,
    within: `at once; then ${bound(stage)}`,
    kept: 'the token; the next call works',
  };
}

export const PHASES = { cold, warm, renewing };
