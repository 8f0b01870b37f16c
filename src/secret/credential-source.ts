import type { Clock } from '../clock.js';
import { DeadlineExceeded, withDeadline } from '../deadline.js';
import { ImsvaultError } from '../errors.js';
import { type RetryPolicy, runWithRetry } from '../retry.js';
import { type Credential, type FieldMap, parseCredential } from './credential.js';
import { noAnswer } from './no-answer.js';
import type { ReadOptions, SecretProvider, SecretVersion } from './provider.js';

/** A credential and the secret version that it came from. */
export interface ReadCredential {
  credential: Credential;
  version: SecretVersion;
  /** The provider that had it: `vault`. */
  provider: string;
  /** The same secret of the same store as it is now, past every cache. Throws as {@link CredentialSource} does. */
  readAgain?(signal: AbortSignal | undefined): Promise<ReadCredential>;
  /**
   * What other versions of the secret hold, the likeliest first; those that hold no credential are left out. Absent
   * where the store keeps none. Throws as {@link CredentialSource} does.
   */
  readOthers?(signal: AbortSignal | undefined): Promise<ReadCredential[]>;
}

/** Somewhere a credential can be read from: one secret of one provider, or a chain of such. */
export interface CredentialSource {
  readonly name: string;
  /**
   * Reads past nothing: each call asks the store, so a rotation needs no restart.
   * @throws ImsvaultError, or `signal.reason`
   */
  readCredential(options?: ReadOptions): Promise<ReadCredential>;
}

/** Three tries within seconds: a store that stays away longer is an outage, which the token's life bridges. */
export const STORE_RETRY: RetryPolicy = { maxAttempts: 3, baseDelayMs: 200, maxDelayMs: 2000, maxRetryAfterMs: 5000 };

export interface CredentialSourceOptions<Ref> {
  provider: SecretProvider<Ref>;
  ref: Ref;
  fields?: FieldMap | undefined;
  clock: Clock;
  random: () => number;
  /** Upper bound of each try, in milliseconds. */
  timeoutMs: number;
  retry?: RetryPolicy;
}

export function createCredentialSource<Ref>(options: CredentialSourceOptions<Ref>): CredentialSource {
  const { provider, ref, fields, clock, random, timeoutMs, retry = STORE_RETRY } = options;
  const place = provider.describe(ref);
  const { readOtherVersions } = provider;

  async function bounded<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await withDeadline(clock, timeoutMs, signal, work);
    } catch (error) {
      throw error instanceof DeadlineExceeded ? noAnswer(place, error) : error;
    }
  }

  async function readCredential({ signal, fresh }: ReadOptions = {}): Promise<ReadCredential> {
    const readOnce = () =>
      bounded(signal, (within) =>
        provider.readSecret(ref, { signal: within, ...(fresh === undefined ? {} : { fresh }) }),
      );
    const version = await runWithRetry(readOnce, {
      policy: retry,
      clock,
      random,
      signal,
      decide: (error) =>
        error instanceof ImsvaultError && error.code === 'ERR_SECRET_UNAVAILABLE' && error.retryable
          ? { retry: true, retryAfterMs: error.retryAfterMs }
          : { retry: false },
    });
    return {
      credential: parseCredential(version.value, place, fields),
      version,
      provider: provider.name,
      readAgain: (signal) => readCredential({ fresh: true, ...(signal === undefined ? {} : { signal }) }),
      ...(readOtherVersions === undefined ? {} : { readOthers }),
    };
  }

  /** Tried once: it is a last resort, and its caller has no time to wait. */
  async function readOthers(signal: AbortSignal | undefined): Promise<ReadCredential[]> {
    const versions = await bounded(signal, async (within) =>
      readOtherVersions?.call(provider, ref, { signal: within }),
    );
    return (versions ?? []).flatMap((version) => {
      try {
        return [{ credential: parseCredential(version.value, place, fields), version, provider: provider.name }];
      } catch {
        return [];
      }
    });
  }

  return { name: provider.name, readCredential };
}
