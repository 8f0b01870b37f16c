import type { Clock } from '../clock.js';
import { DeadlineExceeded, withDeadline } from '../deadline.js';
import { ConfigInvalidError, ImsvaultError } from '../errors.js';
import type { Redacted } from '../redacted.js';
import type { FieldMap } from '../secret/credential.js';
import { type CredentialSource, createCredentialSource } from '../secret/credential-source.js';
import { noAnswer } from '../secret/no-answer.js';
import type { SecretProvider } from '../secret/provider.js';

/** The secret that holds the credential, to be read and written. */
export interface CredentialSlot {
  /** For messages. */
  readonly place: string;
  readonly source: CredentialSource;
  /** Its text as it is now. */
  read(signal: AbortSignal): Promise<Redacted<string>>;
  /**
   * Changes the text: by compare-and-swap where the store has it, else right after it was read. After a conflict, or
   * an error that leaves open whether it was written, it is read and edited again.
   * @param edit gives the new text, or undefined when the text needs no change; what it throws ends the update
   * @throws what the provider does
   */
  update(edit: (value: Redacted<string>) => Redacted<string> | undefined, signal: AbortSignal): Promise<void>;
}

export interface CredentialSlotOptions<Ref> {
  provider: SecretProvider<Ref>;
  ref: Ref;
  fields?: FieldMap | undefined;
  clock: Clock;
  random: () => number;
  /** Upper bound of each call to the store, in milliseconds. */
  timeoutMs: number;
}

const MAX_WRITES = 4;

/** @throws ERR_CONFIG_INVALID for a provider that only reads */
export function createCredentialSlot<Ref>(options: CredentialSlotOptions<Ref>): CredentialSlot {
  const { provider, ref, clock, timeoutMs } = options;
  const place = provider.describe(ref);
  const source = createCredentialSource(options);
  if (provider.replaceSecret === undefined && provider.putSecret === undefined) {
    throw new ConfigInvalidError(
      [{ path: 'credentials.provider', message: `${provider.name} only reads: a new client secret cannot be stored` }],
      { hint: 'Keep the credential in a store that can be written, or rotate it in the Adobe Developer Console.' },
    );
  }
  /** The newest version that this process knows; a read may be answered by a replica that is behind it. */
  let known: { value: Redacted<string>; id: string } | undefined;

  async function look(signal: AbortSignal): Promise<{ value: Redacted<string>; id: string }> {
    const { version } = await source.readCredential({ signal, fresh: true });
    known = version;
    return version;
  }

  async function write(value: Redacted<string>, expected: string, signal: AbortSignal): Promise<void> {
    try {
      const { id } = await withDeadline(clock, timeoutMs, signal, async (within) => {
        const writeOptions = { signal: within, create: false };
        if (provider.replaceSecret !== undefined) return provider.replaceSecret(ref, value, expected, writeOptions);
        if (provider.putSecret !== undefined) return provider.putSecret(ref, value, writeOptions);
        throw new TypeError('a provider that can write was wanted');
      });
      known = { value, id };
    } catch (error) {
      throw error instanceof DeadlineExceeded ? noAnswer(place, error) : error;
    }
  }

  return {
    place,
    source,
    read: async (signal) => (await look(signal)).value,
    async update(edit, signal) {
      const hasSwap = provider.replaceSecret !== undefined;
      let failure: ImsvaultError | undefined;
      for (let tries = 1; ; tries++) {
        const version = hasSwap && tries === 1 && known !== undefined ? known : await look(signal);
        const next = edit(version.value);
        if (next === undefined) return;
        if (failure !== undefined && (tries > MAX_WRITES || !failure.retryable)) throw failure;
        try {
          return await write(next, version.id, signal);
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof ImsvaultError)) throw error;
          failure = error;
        }
      }
    },
  };
}
