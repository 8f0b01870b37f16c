import type { Clock } from '../clock.js';
import { DeadlineExceeded, withDeadline } from '../deadline.js';
import { ImsvaultError } from '../errors.js';
import type { SecretProvider } from '../secret/provider.js';
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

/** Where a fleet keeps its token. */
export interface TokenStore {
  /** For messages. */
  readonly place: string;
  /** Whether it has compare-and-swap; without it tokens are published, but nobody can claim a renewal. */
  readonly canClaim: boolean;
  /** @throws ERR_SECRET_ACCESS_DENIED | ERR_SECRET_MALFORMED | ERR_SECRET_UNAVAILABLE, or `signal.reason` */
  read(signal: AbortSignal): Promise<StoredDocument>;
  /**
   * @param expected an id that `read` gave; ignored where the store has no compare-and-swap
   * @throws ERR_SECRET_VERSION_CONFLICT; ERR_SECRET_MALFORMED when no reader would accept it; after any other error the write may have taken place
   */
  write(document: TokenDocument, expected: string | null, signal: AbortSignal): Promise<string>;
}

/** Clocks that are closer than this count as equal: the Date header has whole seconds. */
const CLOCK_TOLERANCE_MS = 2000;

export interface TokenStoreOptions<Ref> {
  provider: SecretProvider<Ref>;
  ref: Ref;
  clock: Clock;
  /** Upper bound of each call, in milliseconds. */
  timeoutMs: number;
  /** Whether the secret is made where there is none. */
  create: boolean;
}

/** A token store over one secret of a provider. */
export function createTokenStore<Ref>(options: TokenStoreOptions<Ref>): TokenStore {
  const { provider, ref, clock, timeoutMs, create } = options;
  const place = provider.describe(ref);

  async function bounded<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await withDeadline(clock, timeoutMs, signal, work);
    } catch (error) {
      if (!(error instanceof DeadlineExceeded)) throw error;
      throw new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${place}: no answer within ${timeoutMs} ms`);
    }
  }

  return {
    place,
    canClaim: provider.replaceSecret !== undefined,
    read: (signal) =>
      bounded(signal, async (signal) => {
        try {
          const { value, id, serverTime } = await provider.readSecret(ref, { signal, fresh: true });
          const offset = serverTime === undefined ? 0 : serverTime - clock.now();
          const clockOffsetMs = Math.abs(offset) > CLOCK_TOLERANCE_MS ? offset : 0;
          return { document: parseTokenDocument(value, place, clock.now() + clockOffsetMs), id, clockOffsetMs };
        } catch (error) {
          if (error instanceof ImsvaultError && error.code === 'ERR_SECRET_NOT_FOUND')
            return { id: null, clockOffsetMs: 0 };
          throw error;
        }
      }),
    write: (document, expected, signal) =>
      bounded(signal, async (signal) => {
        const value = serializeTokenDocument(document);
        // A document that readers refuse would stop the whole fleet.
        parseTokenDocument(value, place, clock.now());
        const writeOptions = { signal, create };
        if (provider.replaceSecret !== undefined) {
          return (await provider.replaceSecret(ref, value, expected, writeOptions)).id;
        }
        if (provider.putSecret !== undefined) return (await provider.putSecret(ref, value, writeOptions)).id;
        throw new ImsvaultError('ERR_SECRET_ACCESS_DENIED', `${place}: the provider ${provider.name} cannot write`);
      }),
  };
}
