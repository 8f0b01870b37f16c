import { expect, it, vi } from 'vitest';
import { ImsvaultError } from '../../../src/errors.js';
import type { StoredDocument } from '../../../src/token/fleet/document-access.js';
import type { FleetEvent } from '../../../src/token/fleet/fleet-options.js';
import { createWriteBack } from '../../../src/token/fleet/fleet-write-back.js';
import type { TokenStore } from '../../../src/token/fleet/token-store.js';
import type { TokenPhase } from '../../../src/token/renewal-schedule.js';
import { createManualClock, settle } from '../../support/manual-clock.js';
import { documentOf, published } from './fixture.js';

function setUp() {
  const clock = createManualClock();
  const seen: StoredDocument = { id: '1', clockOffsetMs: 0, document: documentOf({ generation: 1 }) };
  const publish = vi.fn<TokenStore['publish']>(async () => undefined);
  const read = vi.fn<TokenStore['read']>(async () => seen);
  const events: FleetEvent[] = [];
  const onPublished = vi.fn();
  let phase: TokenPhase = 'fresh';
  const writeBack = createWriteBack({
    store: { place: 'the store', claimSpreadMs: 0, writeIntervalMs: 0, read, publish } as unknown as TokenStore,
    clock,
    random: () => 0.5,
    watch: { claimLeftMs: () => 0, failureLeftMs: () => 0 },
    baseFor: ({ document }) => document,
    phaseOf: () => phase,
    warn: () => undefined,
    onEvent: (event) => events.push(event),
  });
  const later = (publishId: string) =>
    writeBack.publishLater(published(clock.now(), { publishId }), 1, onPublished, 'claim');
  const becomes = (next: TokenPhase) => {
    phase = next;
  };
  return { clock, seen, publish, read, events, onPublished, writeBack, later, becomes };
}

/** Of 5 s a half, and the random half of the other. */
const FIRST_MS = 3750;

it('a write that came too late is tried again', async () => {
  const { clock, seen, publish, onPublished, later } = setUp();
  publish.mockResolvedValueOnce(seen);
  later('p');
  await clock.advance(FIRST_MS);
  expect([publish.mock.calls.length, onPublished.mock.calls]).toEqual([1, []]);
  await clock.advance(2 * FIRST_MS - 1);
  expect(publish).toHaveBeenCalledTimes(1);
  await clock.advance(1);
  expect([publish.mock.calls.length, onPublished.mock.calls, clock.pending]).toEqual([2, [[2]], 0]);
});

it.each([
  ['is full', new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'its quota is used up', { retryable: false }), 2],
  ['is away', new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'away'), 2],
  ['may not be written', new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no'), 1],
])('a store that %s is tried again where that may pass', async (_title, error, tries) => {
  const { clock, publish, later } = setUp();
  publish.mockRejectedValueOnce(error);
  later('p');
  await clock.advance(20 * FIRST_MS);
  expect([publish.mock.calls.length, clock.pending]).toEqual([tries, 0]);
});

it.each<[TokenPhase, boolean]>([
  ['fresh', true],
  ['soft', true],
  ['hard', false],
  ['expired', false],
])('a token that is %s by then is written: %s', async (phase, isWritten) => {
  const { clock, publish, later, becomes } = setUp();
  later('p');
  becomes(phase);
  await clock.advance(FIRST_MS);
  expect([publish.mock.calls.length, clock.pending]).toEqual([Number(isWritten), 0]);
});

it('one whose try is under way gives way to a newer one, whatever comes of the try', async () => {
  const { clock, seen, publish, later } = setUp();
  const answers: ((over: StoredDocument) => void)[] = [];
  publish.mockImplementation(() => new Promise((resolve) => answers.push(resolve)));
  later('old');
  await clock.advance(FIRST_MS);
  later('new');
  answers[0]?.(seen);
  await clock.advance(20 * FIRST_MS);
  expect(publish.mock.calls.map(([document]) => document.token?.publishId)).toEqual(['old', 'new']);
});

it('close ends the try that is under way with its reason, and begins no other', async () => {
  const { clock, read, writeBack, later } = setUp();
  let reason: unknown;
  read.mockImplementation(
    (signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason;
          reject(new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'ended'));
        });
      }),
  );
  later('p');
  await clock.advance(FIRST_MS);
  await writeBack.close();
  await settle();
  expect(reason).toMatchObject({ code: 'ERR_ABORTED', message: 'this token provider is closed' });
  expect([read.mock.calls.length, clock.pending]).toEqual([1, 0]);
});
