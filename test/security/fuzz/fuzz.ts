import { randomInt } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { type ErrorCode, ImsvaultError } from '../../../src/errors.js';
import { expectNoSecrets } from '../../support/leaks.js';

/** All cases of a run are shared out by these weights. Cheap parsers get most; what opens files or sockets, little. */
const WEIGHTS = {
  'config text': 30,
  'config values': 20,
  interpolation: 80,
  'secret payload': 130,
  'secret file': 10,
  'IMS answer': 130,
  'IMS answer on the wire': 8,
  'token document': 130,
  'cache record': 130,
  'cache file': 10,
  'agent head': 120,
  'agent body': 40,
  'agent on the wire': 8,
  duration: 80,
  'credential URL': 60,
  'command line': 14,
} as const;
export type FuzzName = keyof typeof WEIGHTS;

const CASES = wholeNumber('IMSVAULT_FUZZ_CASES', 20_000);
const SEED = wholeNumber('IMSVAULT_FUZZ_SEED', randomInt(2 ** 31));
const TOTAL = Object.values(WEIGHTS).reduce((sum, weight) => sum + weight, 0);
/** Of the processor, so that a busy machine does not count. The slowest honest case takes a tenth. */
const MAX_CASE_MS = 2000;

function wholeNumber(name: string, otherwise: number): number {
  const text = process.env[name];
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${name} must be a whole number`);
  return Number(text);
}

/** What became of an input. A property that only ever sees one of them tests nothing, and fails. */
export type Verdict = 'accepted' | 'refused';

/**
 * A test of its own: `check` holds for every case, within its bound of time.
 * IMSVAULT_FUZZ_CASES: cases of all properties together, default 20,000. IMSVAULT_FUZZ_SEED: as printed, to replay.
 */
export function fuzz<T>(
  name: FuzzName,
  cases: fc.Arbitrary<T>,
  check: (input: T) => Verdict | Promise<Verdict>,
  { accepts = true, refuses = true } = {},
): void {
  const numRuns = Math.max(20, Math.ceil((CASES * WEIGHTS[name]) / TOTAL));
  it(`${name}: ${numRuns} cases`, { timeout: 60_000 + numRuns * 50 }, async () => {
    console.info(`fuzz: ${name}, ${numRuns} cases, IMSVAULT_FUZZ_SEED=${SEED} IMSVAULT_FUZZ_CASES=${CASES}`);
    const seen = { accepted: 0, refused: 0 };
    let slowest = 0;
    // Making the stacks of so many errors, and mapping them to the sources, would take most of the time.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    onTestFinished(() => {
      Error.stackTraceLimit = stackTraceLimit;
    });
    await fc.assert(
      fc.asyncProperty(cases, async (input) => {
        const before = process.cpuUsage();
        seen[await check(input)]++;
        const { user, system } = process.cpuUsage(before);
        slowest = Math.max(slowest, (user + system) / 1000);
        expect((user + system) / 1000, 'milliseconds of the processor').toBeLessThan(MAX_CASE_MS);
      }),
      { numRuns, seed: SEED },
    );
    console.info(
      `fuzz: ${name}: ${seen.accepted} accepted, ${seen.refused} refused, slowest ${Math.round(slowest)} ms`,
    );
    if (accepts) expect(seen.accepted).toBeGreaterThan(0);
    if (refuses) expect(seen.refused).toBeGreaterThan(0);
  });
}

/** Fails unless `error` is one of the project's own, of one of these codes, and shows none of `secrets`. */
export function expectOwn(error: unknown, codes: readonly ErrorCode[], secrets: readonly string[] = []): void {
  if (!(error instanceof ImsvaultError)) throw error;
  expect(codes).toContain(error.code);
  // Once, and not in each way of test/support/leaks.ts: that took most of the time of all cases.
  const shown = inspect(error, { depth: Infinity, showHidden: true });
  expectNoSecrets(`${shown}\n${JSON.stringify(error)}\n${error.message}\n${error.hint}`, secrets);
}
