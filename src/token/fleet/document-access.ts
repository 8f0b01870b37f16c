import type { Clock } from '../../clock.js';
import { DeadlineExceeded, withDeadline } from '../../deadline.js';
import { ImsvaultError } from '../../errors.js';
import type { ElectedEntry, ElectionEntry, SecretMetadata, SecretProvider } from '../../secret/provider.js';
import { parseTokenDocument, serializeTokenDocument, type TokenDocument } from './token-document.js';

/** The document as one read found it. */
export interface StoredDocument {
  /** Undefined: there is none yet. */
  document?: TokenDocument;
  /** The store's id of this version; null: there is no version. */
  id: string | null;
  /** The store's clock less this machine's, in milliseconds; 0 where they agree or the store does not tell. */
  clockOffsetMs: number;
}

/** Single requests about one token document; what several processes agree on by them is the token store's matter. */
export interface DocumentAccess {
  /** For messages. */
  readonly place: string;
  /** A random part of this is waited before a claim, in milliseconds. */
  readonly claimSpreadMs: number;
  /** Writes this far apart can go on for ever, in milliseconds. */
  readonly writeIntervalMs: number;
  /** @throws ERR_SECRET_ACCESS_DENIED | ERR_SECRET_MALFORMED | ERR_SECRET_UNAVAILABLE, or `signal.reason` */
  read(signal: AbortSignal): Promise<StoredDocument>;
  /**
   * Compare-and-swap, where the store has it.
   * @param expected an id that `read` gave
   * @returns the new version's id
   * @throws ERR_SECRET_VERSION_CONFLICT; ERR_SECRET_MALFORMED when no reader would accept it; after any other error the write may have taken place
   */
  replace?(document: TokenDocument, expected: string | null, signal: AbortSignal): Promise<string>;
  /** Writes whatever is there. @throws ERR_SECRET_ACCESS_DENIED where the provider only reads; as `replace` */
  put(document: TokenDocument, signal: AbortSignal): Promise<void>;
  /** Where the store has an election instead of compare-and-swap. */
  election?: {
    enter(entry: ElectionEntry, signal: AbortSignal): Promise<ElectedEntry>;
    list(generation: number, signal: AbortSignal): Promise<{ entries: readonly ElectedEntry[]; serverTime: number }>;
  };
  /** Metadata beside the document, where the store has such. */
  annotate?(metadata: SecretMetadata, signal: AbortSignal): Promise<void>;
}

/** Clocks that are closer than this count as equal: the Date header has whole seconds. */
const CLOCK_TOLERANCE_MS = 2000;

/**
 * To be called before a request is sent.
 * @returns given the server's time in its answer, the server's clock less this machine's, in milliseconds; 0 where they
 *   agree. The answer may have been under way as long as the request took, also while the machine slept: the largest
 *   offset that is possible counts, so that no token looks younger than it is.
 */
export function watchClockOffset(clock: Clock): (serverTime: number) => number {
  const [wallAt, monotonicAt] = [clock.now(), clock.monotonic()];
  return (serverTime) => {
    const tookMs = Math.max(clock.now() - wallAt, clock.monotonic() - monotonicAt);
    const offset = serverTime + tookMs - clock.now();
    return Math.abs(offset) > CLOCK_TOLERANCE_MS ? offset : 0;
  };
}

export interface DocumentAccessOptions<Ref> {
  provider: SecretProvider<Ref>;
  ref: Ref;
  clock: Clock;
  /** Upper bound of each call, in milliseconds. */
  timeoutMs: number;
  /** Whether the secret is made where there is none. */
  create: boolean;
}

/** The document in one secret of a provider. */
export function createDocumentAccess<Ref>(options: DocumentAccessOptions<Ref>): DocumentAccess {
  const { provider, ref, clock, timeoutMs, create } = options;
  const { election } = provider;
  const place = provider.describe(ref);

  async function bounded<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await withDeadline(clock, timeoutMs, signal, work);
    } catch (error) {
      if (!(error instanceof DeadlineExceeded)) throw error;
      throw new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${place}: no answer within ${timeoutMs} ms`);
    }
  }

  function serialize(document: TokenDocument) {
    const value = serializeTokenDocument(document);
    // A document that readers refuse would stop the whole fleet.
    parseTokenDocument(value, place, clock.now());
    return value;
  }

  async function read(signal: AbortSignal): Promise<StoredDocument> {
    const offsetBy = watchClockOffset(clock);
    try {
      const { value, id, serverTime } = await provider.readSecret(ref, { signal, fresh: true });
      const clockOffsetMs = serverTime === undefined ? 0 : offsetBy(serverTime);
      return { document: parseTokenDocument(value, place, clock.now() + clockOffsetMs), id, clockOffsetMs };
    } catch (error) {
      if (error instanceof ImsvaultError && error.code === 'ERR_SECRET_NOT_FOUND')
        return { id: null, clockOffsetMs: 0 };
      throw error;
    }
  }

  const { replaceSecret, annotateSecret } = provider;
  return {
    place,
    claimSpreadMs: provider.claimSpreadMs ?? 0,
    writeIntervalMs: provider.writeIntervalMs ?? 0,
    read: (signal) => bounded(signal, read),
    ...(replaceSecret === undefined
      ? {}
      : {
          replace: (document, expected, signal) =>
            bounded(signal, async (signal) => {
              const value = serialize(document);
              return (await replaceSecret.call(provider, ref, value, expected, { signal, create })).id;
            }),
        }),
    put: (document, signal) =>
      bounded(signal, async (signal) => {
        const value = serialize(document);
        if (provider.putSecret === undefined) {
          throw new ImsvaultError('ERR_SECRET_ACCESS_DENIED', `${place}: the provider ${provider.name} cannot write`);
        }
        await provider.putSecret(ref, value, { signal, create });
      }),
    ...(election === undefined
      ? {}
      : {
          election: {
            enter: (entry, signal) => bounded(signal, (signal) => election.enter(ref, entry, { signal, create })),
            list: (generation, signal) => bounded(signal, (signal) => election.list(ref, generation, { signal })),
          },
        }),
    ...(annotateSecret === undefined
      ? {}
      : {
          annotate: (metadata, signal) =>
            bounded(signal, (signal) => annotateSecret.call(provider, ref, metadata, { signal })),
        }),
  };
}
