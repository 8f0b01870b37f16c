import type { AccessToken } from '../../src/access-token.js';
import { sleep } from '../../src/clock.js';
import { ImsvaultError } from '../../src/errors.js';
import { redact } from '../../src/redacted.js';
import type { Exchanged, FleetEvent, FleetOptions, RenewRequest } from '../../src/token/fleet-options.js';
import { createFleetRenewal } from '../../src/token/fleet-renewal.js';
import { DEFAULT_RENEWAL } from '../../src/token/renewal-schedule.js';
import type { PublishedToken, TokenDocument } from '../../src/token/token-document.js';
import type { TokenStore } from '../../src/token/token-store.js';
import { fakeToken } from '../support/fake-token.js';
import type { ManualClock } from '../support/manual-clock.js';

export const HOUR = 3_600_000;
export const TTL = 20_000;
export const IDENTITY = 'x'.repeat(43);

/** What becomes of a write: it takes place, or not; its answer arrives, or an error in its place. */
export interface WriteFate {
  applied: boolean;
  error?: Error;
  delayMs?: number;
}

export interface FakeStore extends TokenStore {
  document: TokenDocument | undefined;
  id: string | null;
  readonly reads: number;
  readonly writes: { document: TokenDocument; expected: string | null; at: number }[];
  /** Throws in place of a read. */
  onRead: () => void;
  onWrite: (document: TokenDocument) => WriteFate;
  offsetMs: number;
  canClaim: boolean;
  put(document: TokenDocument): void;
}

export const unavailable = () => new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'the store is away');

/** One document with compare-and-swap, in memory. */
export function createFakeStore(clock: ManualClock): FakeStore {
  let version = 0;
  let reads = 0;
  const store: FakeStore = {
    place: 'fake store',
    canClaim: true,
    document: undefined,
    id: null,
    offsetMs: 0,
    writes: [],
    onRead: () => undefined,
    onWrite: () => ({ applied: true }),
    get reads() {
      return reads;
    },
    put(document) {
      store.document = document;
      store.id = String(++version);
    },
    async read() {
      reads++;
      store.onRead();
      const { document, id, offsetMs } = store;
      return { ...(document === undefined ? {} : { document }), id, clockOffsetMs: offsetMs };
    },
    async write(document, expected, signal) {
      store.writes.push({ document, expected, at: clock.monotonic() });
      const { applied, error, delayMs } = store.onWrite(document);
      if (applied) {
        if (store.canClaim && expected !== store.id) {
          throw new ImsvaultError('ERR_SECRET_VERSION_CONFLICT', 'another version is current');
        }
        store.put(document);
      }
      const { id } = store;
      if (delayMs !== undefined) await sleep(clock, delayMs, signal);
      if (error !== undefined) throw error;
      return id as string;
    },
  };
  return store;
}

/** A document of this test's fleet. */
export function documentOf(fields: Partial<TokenDocument> = {}): TokenDocument {
  return {
    identity: IDENTITY,
    tokenEndpoint: 'https://ims.test',
    generation: 1,
    readOnly: false,
    unknown: {},
    ...fields,
  };
}

/** @param issuedAt Unix milliseconds */
export function published(issuedAt: number, fields: Partial<PublishedToken> = {}): PublishedToken {
  return {
    accessToken: redact(`published-${issuedAt}`),
    tokenType: 'bearer',
    issuedAt,
    expiresAt: issuedAt + HOUR,
    scope: ['openid'],
    clientId: 'client',
    publishId: 'p1',
    ...fields,
  };
}

export interface Worker {
  renew(request?: RenewRequest): Promise<AccessToken>;
  readonly exchanges: number;
  readonly events: FleetEvent[];
  readonly warnings: string[];
  exchange: (signal: AbortSignal) => Promise<Exchanged>;
}

let ids = 0;

/** @param overrides `exchange: undefined` makes a consumer */
export function createWorker(
  clock: ManualClock,
  store: TokenStore,
  overrides: Partial<Omit<FleetOptions, 'exchange'>> & { consumer?: boolean; signal?: AbortSignal } = {},
): Worker {
  const { consumer, signal = new AbortController().signal, ...options } = overrides;
  const events: FleetEvent[] = [];
  const warnings: string[] = [];
  let exchanges = 0;
  const worker: Worker = {
    events,
    warnings,
    get exchanges() {
      return exchanges;
    },
    exchange: async () => ({ token: fakeToken(clock.now(), HOUR / 1000), clockOffsetMs: 0 }),
    renew: (request = {}) => fleet.renew(request, signal),
  };
  const fleet = createFleetRenewal({
    store,
    identity: IDENTITY,
    tokenEndpoint: 'https://ims.test',
    ...(consumer === true
      ? {}
      : {
          exchange: (exchangeSignal: AbortSignal) => {
            exchanges++;
            return worker.exchange(exchangeSignal);
          },
        }),
    clock,
    random: () => 0.5,
    newId: () => `id-${++ids}`,
    renewal: DEFAULT_RENEWAL,
    claimTtlMs: TTL,
    onMismatch: 'exchange',
    onUnavailable: 'exchange',
    warn: (message) => warnings.push(message),
    onEvent: (event) => events.push(event),
    ...options,
  });
  return worker;
}

/** Moves time on until the promise settles. */
export async function settled<T>(clock: ManualClock, promise: Promise<T>, limitMs = 10 * TTL): Promise<T> {
  let done = false;
  const mark = () => {
    done = true;
  };
  promise.then(mark, mark);
  for (let passed = 0; passed <= limitMs; passed += 50) {
    await clock.advance(passed === 0 ? 0 : 50);
    if (done) return promise;
  }
  throw new Error(`not settled within ${limitMs} ms`);
}
