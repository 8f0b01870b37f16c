import type { AccessToken } from '../../../src/access-token.js';
import { sleep } from '../../../src/clock.js';
import { ImsvaultError } from '../../../src/errors.js';
import { redact } from '../../../src/redacted.js';
import type { DocumentAccess } from '../../../src/token/fleet/document-access.js';
import type { Exchanged, FleetEvent, FleetOptions } from '../../../src/token/fleet/fleet-options.js';
import { createFleetRenewal } from '../../../src/token/fleet/fleet-renewal.js';
import type { PublishedToken } from '../../../src/token/fleet/published-token.js';
import type { TokenDocument } from '../../../src/token/fleet/token-document.js';
import { createTokenStore } from '../../../src/token/fleet/token-store.js';
import type { RenewRequest } from '../../../src/token/renew-request.js';
import { DEFAULT_RENEWAL } from '../../../src/token/renewal-schedule.js';
import { fakeToken } from '../../support/fake-token.js';
import { createManualClock, type ManualClock } from '../../support/manual-clock.js';

export const HOUR = 3_600_000;
export const TTL = 20_000;
export const IDENTITY = 'x'.repeat(43);

/** What becomes of a write: it takes place, or not; its answer arrives, or an error in its place. */
export interface WriteFate {
  applied: boolean;
  error?: Error;
  delayMs?: number;
}

export interface FakeStore extends DocumentAccess {
  document: TokenDocument | undefined;
  id: string | null;
  readonly reads: number;
  /** `expected` is undefined where whatever stands there was overwritten. */
  readonly writes: { document: TokenDocument; expected: string | null | undefined; at: number }[];
  /** Throws in place of a read. */
  onRead: () => void;
  onWrite: (document: TokenDocument) => WriteFate;
  offsetMs: number;
  /** Whether it has compare-and-swap; to be set before workers are made. */
  canSwap: boolean;
  claimSpreadMs: number;
  writeIntervalMs: number;
  /** Puts a document there, as another process does. */
  holds(document: TokenDocument): void;
}

export const unavailable = () => new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'the store is away');

/** One document with compare-and-swap, in memory. */
export function createFakeStore(clock: ManualClock): FakeStore {
  let version = 0;
  let reads = 0;
  async function write(document: TokenDocument, expected: string | null | undefined, signal: AbortSignal) {
    store.writes.push({ document, expected, at: clock.monotonic() });
    const { applied, error, delayMs } = store.onWrite(document);
    if (applied) {
      if (expected !== undefined && expected !== store.id) {
        throw new ImsvaultError('ERR_SECRET_VERSION_CONFLICT', 'another version is current');
      }
      store.holds(document);
    }
    const { id } = store;
    if (delayMs !== undefined) await sleep(clock, delayMs, signal);
    if (error !== undefined) throw error;
    return id as string;
  }
  const store: FakeStore = {
    place: 'fake store',
    canSwap: true,
    claimSpreadMs: 0,
    writeIntervalMs: 0,
    document: undefined,
    id: null,
    offsetMs: 0,
    writes: [],
    onRead: () => undefined,
    onWrite: () => ({ applied: true }),
    get reads() {
      return reads;
    },
    holds(document) {
      store.document = document;
      store.id = String(++version);
    },
    async read() {
      reads++;
      store.onRead();
      const { document, id, offsetMs } = store;
      return { ...(document === undefined ? {} : { document }), id, clockOffsetMs: offsetMs };
    },
    replace: write,
    async put(document, signal) {
      await write(document, undefined, signal);
    },
  };
  return store;
}

/** A document of this test's fleet. */
export function documentOf(fields: Partial<TokenDocument> = {}): TokenDocument {
  return {
    identity: IDENTITY,
    identityRevision: 0,
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
  close(): Promise<void>;
  renew(request?: RenewRequest): Promise<AccessToken>;
  generationOf(token: AccessToken): number | undefined;
  readonly exchanges: number;
  readonly events: FleetEvent[];
  readonly warnings: string[];
  exchange: (signal: AbortSignal) => Promise<Exchanged>;
}

let ids = 0;

/** @param overrides `exchange: undefined` makes a consumer */
export function createWorker(
  clock: ManualClock,
  store: FakeStore,
  overrides: Partial<Omit<FleetOptions, 'exchange' | 'store'>> & { consumer?: boolean; signal?: AbortSignal } = {},
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
    generationOf: (token) => fleet.generationOf(token),
    close: () => fleet.close(),
  };
  const { replace: _swap, ...withoutSwap } = store;
  const fleet = createFleetRenewal({
    store: createTokenStore(store.canSwap ? store : withoutSwap, clock),
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

export function setUp() {
  const clock = createManualClock();
  const store = createFakeStore(clock);
  return { clock, store };
}
export const claimBy = (id: string) => ({ renewal: { id, ttlMs: TTL } });
export const serverError = () => new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'IMS is away');
