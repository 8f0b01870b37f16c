import { AccessToken } from '../../../src/access-token.js';
import { ImsvaultError } from '../../../src/errors.js';
import type { DocumentAccess, StoredDocument } from '../../../src/token/document-access.js';
import type { Exchanged } from '../../../src/token/fleet-options.js';
import type { TokenDocument } from '../../../src/token/token-document.js';
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
}

/** Told of each request, before it is sent and after it was served; may crash the machine. */
export type OnStep = (machine: Machine) => void;

export interface SimulatedStore {
  connect(machine: Machine): DocumentAccess;
  /** Applied writes, oldest first. */
  readonly history: { at: number; document: TokenDocument }[];
  readonly calls: number;
  down: boolean;
}

const unavailable = () => new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'the store is away');

/** One document with compare-and-swap, behind a network that misbehaves. */
export function createStore(
  world: World,
  random: () => number,
  faults: Faults,
  onWrite: (at: number, before: TokenDocument | undefined, after: TokenDocument) => void,
  { onStep = () => undefined, tellsTime = true }: { onStep?: OnStep | undefined; tellsTime?: boolean | undefined } = {},
): SimulatedStore {
  const history: SimulatedStore['history'] = [];
  let calls = 0;
  const store: SimulatedStore = {
    history,
    down: false,
    get calls() {
      return calls;
    },
    connect(machine) {
      const travel = () => random() * faults.maxLatencyMs;

      /** The request's way, what happens there, the answer's way. What the server does, a crash does not undo. */
      async function call<T>(signal: AbortSignal, isWrite: boolean, serve: () => T): Promise<T> {
        calls++;
        onStep(machine);
        if (machine.crashed) await world.delay(machine, 0);
        signal.throwIfAborted();
        if (store.down || random() < faults.lostRequest) {
          await world.delay(machine, faults.maxLatencyMs);
          throw unavailable();
        }
        const isLate = isWrite && random() < faults.lateWrite;
        const outcome = world.delay(undefined, isLate ? random() * 60_000 : travel()).then(() => {
          const served = serve();
          onStep(machine);
          return served;
        });
        outcome.catch(() => undefined);
        await world.delay(machine, 2 * faults.maxLatencyMs);
        signal.throwIfAborted();
        if (isLate || random() < faults.lostAnswer) throw unavailable();
        return outcome;
      }

      return {
        place: 'simulated store',
        claimSpreadMs: 0,
        read: (signal) =>
          call(signal, false, (): StoredDocument => {
            const behind = random() < faults.staleRead ? Math.floor(random() * 3) : 0;
            const index = history.length - 1 - behind;
            const entry = history[Math.max(0, index)];
            const skew = world.now - machine.clock.now();
            const clockOffsetMs = tellsTime && Math.abs(skew) > 2000 ? skew : 0;
            if (entry === undefined) return { id: null, clockOffsetMs };
            return { document: entry.document, id: String(Math.max(0, index)), clockOffsetMs };
          }),
        put: () => Promise.reject(new Error('this store swaps')),
        replace: (document, expected, signal) =>
          call(signal, true, () => {
            const current = history.length === 0 ? null : String(history.length - 1);
            if (expected !== current)
              throw new ImsvaultError('ERR_SECRET_VERSION_CONFLICT', 'another version is current');
            onWrite(world.now, history.at(-1)?.document, document);
            history.push({ at: world.now, document });
            return String(history.length - 1);
          }),
      };
    },
  };
  return store;
}

export interface SimulatedIms {
  connect(machine: Machine): (signal: AbortSignal) => Promise<Exchanged>;
  readonly exchanges: number;
  /** When a token really ends, Unix milliseconds of true time. */
  expiryOf(token: string): number;
}

export function createIms(
  world: World,
  random: () => number,
  faults: Faults,
  lifeMs: number,
  onStep: OnStep = () => undefined,
): SimulatedIms {
  const expiries = new Map<string, number>();
  return {
    get exchanges() {
      return expiries.size;
    },
    expiryOf: (token) => expiries.get(token) ?? 0,
    connect: (machine) => async (signal) => {
      signal.throwIfAborted();
      onStep(machine);
      if (machine.crashed) await world.delay(machine, 0);
      const issuedAt = machine.clock.now();
      const failed = random() < faults.imsFailure;
      let accessToken = '';
      await world.delay(undefined, random() * faults.maxLatencyMs);
      if (!failed) {
        accessToken = `token-${expiries.size + 1}`;
        expiries.set(accessToken, world.now + lifeMs);
      }
      onStep(machine);
      await world.delay(machine, faults.maxLatencyMs);
      signal.throwIfAborted();
      if (failed) throw new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'IMS is away');
      const token = new AccessToken({
        accessToken,
        tokenType: 'bearer',
        issuedAt,
        expiresAt: issuedAt + lifeMs,
        scope: ['openid'],
        clientId: 'client',
      });
      const skew = world.now - machine.clock.now();
      return { token, clockOffsetMs: Math.abs(skew) > 2000 ? skew : 0 };
    },
  };
}
