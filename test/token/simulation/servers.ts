import { ImsvaultError } from '../../../src/errors.js';
import type { ElectedEntry } from '../../../src/secret/provider.js';
import {
  type DocumentAccess,
  type StoredDocument,
  watchClockOffset,
} from '../../../src/token/fleet/document-access.js';
import type { TokenDocument } from '../../../src/token/fleet/token-document.js';
import type { Machine, World } from './world.js';

/** What may go wrong between machines and servers. Probabilities in [0, 1]. */
export interface Faults {
  /** Of one way, in milliseconds. */
  maxLatencyMs: number;
  /** A read is answered from an older version. */
  staleRead: number;
  /** The answer does not arrive, though the request did. */
  lostAnswer: number;
  /** The request does not arrive. */
  lostRequest: number;
  /** A write arrives up to a minute after its sender has given up. */
  lateWrite: number;
  /** IMS refuses for the moment. */
  imsFailure: number;
  /** An entry of an election is listed up to 2 s late. */
  hiddenEntry: number;
}

/** Nothing goes wrong. */
export const CALM: Faults = {
  maxLatencyMs: 100,
  staleRead: 0,
  lostAnswer: 0,
  lostRequest: 0,
  lateWrite: 0,
  imsFailure: 0,
  hiddenEntry: 0,
};

export type StoreKind = 'compare-and-swap' | 'election' | 'none';

/** `before`: it is sent next; `after`: it was served, and its answer is under way. */
export interface Step {
  request: 'read' | 'write' | 'exchange' | 'credential';
  when: 'before' | 'after';
}

/** Told of each request twice; may crash the machine. */
export type OnStep = (machine: Machine, step: Step) => void;

/**
 * What a whole store may suffer from: it is away and says so at once, never answers, lets nobody in, takes no writes, or
 * holds what is no document.
 */
export type Trouble = 'away' | 'silent' | 'denied' | 'read-only' | 'malformed';

export interface SimulatedStore {
  connect(machine: Machine): DocumentAccess;
  /** Applied writes, oldest first. */
  readonly history: { at: number; document: TokenDocument }[];
  /** Entries of elections, as the store made them. */
  readonly entries: ReadonlyMap<string, ElectedEntry>;
  readonly calls: number;
  /** Writes and entries that were sent. */
  readonly writes: number;
  /**
   * How often a write or an entry was lost, its answer was lost, it came late, or it was hidden; and, without
   * compare-and-swap, a read was stale.
   */
  readonly mishaps: number;
  trouble: Trouble | undefined;
}

export interface StoreOptions {
  kind?: StoreKind | undefined;
  claimSpreadMs?: number | undefined;
  onStep?: OnStep | undefined;
  /** Whether answers carry the store's time. Default true. */
  tellsTime?: boolean | undefined;
}

const unavailable = () => new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'the store is away');
const HIDDEN_MS = 2000;
/** What a client waits for an answer. */
const TIMEOUT_MS = 10_000;

/** One document behind a network that misbehaves. */
export function createStore(
  world: World,
  random: () => number,
  faults: Faults,
  onWrite: (at: number, before: TokenDocument | undefined, after: TokenDocument) => void,
  { kind = 'compare-and-swap', claimSpreadMs = 0, onStep = () => undefined, tellsTime = true }: StoreOptions = {},
): SimulatedStore {
  const history: SimulatedStore['history'] = [];
  const entries = new Map<string, ElectedEntry>();
  const visibleAt = new Map<string, number>();
  let calls = 0;
  let writes = 0;
  let mishaps = 0;
  const wholeSecond = () => Math.floor(world.now / 1000) * 1000;

  function write(document: TokenDocument): string {
    onWrite(world.now, history.at(-1)?.document, document);
    history.push({ at: world.now, document });
    return String(history.length - 1);
  }

  const store: SimulatedStore = {
    history,
    entries,
    trouble: undefined,
    get calls() {
      return calls;
    },
    get writes() {
      return writes;
    },
    get mishaps() {
      return mishaps;
    },
    connect(machine) {
      const travel = () => random() * faults.maxLatencyMs;

      async function suffer(isWrite: boolean): Promise<void> {
        const { trouble } = store;
        if (trouble === 'silent') {
          await world.delay(machine, TIMEOUT_MS);
          throw unavailable();
        }
        if (trouble === 'denied' || (trouble === 'read-only' && isWrite)) {
          throw new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'the store lets nobody in');
        }
        if (trouble === 'malformed') throw new ImsvaultError('ERR_SECRET_MALFORMED', 'there is no document');
      }

      /** The request's way, what happens there, the answer's way. What the server does, a crash does not undo. */
      async function call<T>(signal: AbortSignal, isWrite: boolean, serve: () => T): Promise<T> {
        calls++;
        if (isWrite) writes++;
        const request = isWrite ? 'write' : 'read';
        onStep(machine, { request, when: 'before' });
        if (machine.crashed) await world.delay(machine, 0);
        signal.throwIfAborted();
        const mishap = () => {
          if (isWrite) mishaps++;
        };
        await suffer(isWrite);
        signal.throwIfAborted();
        if (store.trouble === 'away' || random() < faults.lostRequest) {
          mishap();
          await world.delay(machine, faults.maxLatencyMs);
          throw unavailable();
        }
        const isLate = isWrite && random() < faults.lateWrite;
        if (isLate) mishap();
        const outcome = world.delay(undefined, isLate ? random() * 60_000 : travel()).then(() => {
          const served = serve();
          onStep(machine, { request, when: 'after' });
          return served;
        });
        outcome.catch(() => undefined);
        await world.delay(machine, 2 * faults.maxLatencyMs);
        signal.throwIfAborted();
        if (isLate) throw unavailable();
        if (random() < faults.lostAnswer) {
          mishap();
          throw unavailable();
        }
        return outcome;
      }

      const access: DocumentAccess = {
        place: 'simulated store',
        claimSpreadMs,
        writeIntervalMs: 0,
        async read(signal): Promise<StoredDocument> {
          const offsetBy = watchClockOffset(machine.clock);
          const { servedAt, ...stored } = await call(signal, false, () => {
            const behind = random() < faults.staleRead ? Math.floor(random() * 3) : 0;
            // Where nothing is compared when a document is written, an old one may lead to a second exchange.
            if (behind > 0 && kind !== 'compare-and-swap') mishaps++;
            const index = history.length - 1 - behind;
            const entry = history[Math.max(0, index)];
            if (entry === undefined) return { id: null, servedAt: world.now };
            return { document: entry.document, id: String(Math.max(0, index)), servedAt: world.now };
          });
          return { ...stored, clockOffsetMs: tellsTime ? offsetBy(servedAt) : 0 };
        },
        put: (document, signal) => call(signal, true, () => void write(document)),
      };
      if (kind === 'compare-and-swap') {
        access.replace = (document, expected, signal) =>
          call(signal, true, () => {
            const current = history.length === 0 ? null : String(history.length - 1);
            if (expected !== current)
              throw new ImsvaultError('ERR_SECRET_VERSION_CONFLICT', 'another version is current');
            return write(document);
          });
      }
      if (kind === 'election') {
        access.election = {
          enter: (entry, signal) =>
            call(signal, true, () => {
              const versionId = random().toString(16).slice(2);
              const elected = { ...entry, createdAt: wholeSecond(), versionId };
              entries.set(entry.id, elected);
              const isHidden = random() < faults.hiddenEntry;
              if (isHidden) mishaps++;
              visibleAt.set(entry.id, world.now + (isHidden ? random() * HIDDEN_MS : 0));
              return elected;
            }),
          list: (generation, signal) =>
            call(signal, false, () => {
              const visible = [...entries.values()].filter(
                (entry) => entry.generation === generation && (visibleAt.get(entry.id) ?? 0) <= world.now,
              );
              // Pages come in any order.
              return { entries: random() < 0.5 ? visible : visible.reverse(), serverTime: wholeSecond() };
            }),
        };
      }
      return access;
    },
  };
  return store;
}
