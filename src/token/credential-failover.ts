import { DeadlineExceeded, withDeadline } from '../deadline.js';
import { ConfigInvalidError, ImsvaultError, TokenRequestRejectedError } from '../errors.js';
import { type Redacted, reveal } from '../redacted.js';
import type { Credential } from '../secret/credential.js';
import type { ReadCredential } from '../secret/credential-source.js';
import type { ExchangeRenewalOptions, Renewed } from './exchange-renewal.js';

/** A credential to try, and the read that it came from. */
export interface Candidate {
  /** Its first secret is the one to try. */
  credential: Credential;
  source: ReadCredential;
}

/** What worked last, for as long as the store holds the version that did not. */
export interface CredentialMemory {
  recall(read: ReadCredential): Candidate | undefined;
  /** @param versions ids of the versions in whose place `candidate` is to be tried first */
  remember(candidate: Candidate, versions: readonly string[]): void;
}

export function createCredentialMemory(): CredentialMemory {
  let known: { candidate: Candidate; versions: readonly string[] } | undefined;
  return {
    recall({ provider, version }) {
      const isSame = known?.candidate.source.provider === provider && known.versions.includes(version.id);
      return isSame ? known?.candidate : undefined;
    },
    remember(candidate, versions) {
      known = { candidate, versions };
    },
  };
}

export function isInvalidClient(error: unknown): error is TokenRequestRejectedError {
  return error instanceof TokenRequestRejectedError && error.error === 'invalid_client';
}

/** A rejected exchange, after which others may be tried. */
export interface Rejected {
  /** What the store gave for this renewal. */
  read: ReadCredential;
  first: Candidate;
  error: TokenRequestRejectedError;
  /** Monotonic milliseconds. */
  endsAt: number;
  memory: CredentialMemory;
  signal: AbortSignal | undefined;
}

/** The one in use, the one read again, the second of its secrets, and one of another version. */
const MAX_EXCHANGES = 4;

/**
 * @throws the first rejection, with what else was tried; another error of an exchange ends the tries and is thrown as
 *   it is; `signal.reason`
 */
export async function tryOthers(
  { read, first, error, endsAt, memory, signal }: Rejected,
  { exchanger, clock, warn }: Pick<ExchangeRenewalOptions, 'exchanger' | 'clock' | 'warn'>,
): Promise<Renewed> {
  const rejected = [first.credential];
  const notes: string[] = [];

  /** @returns undefined when it was tried before, or IMS rejects it too */
  async function attempt(
    { credential, source }: Candidate,
    secret: Redacted<string> | undefined,
    name: string,
    within: AbortSignal,
  ): Promise<Renewed | undefined> {
    if (secret === undefined || rejected.length === MAX_EXCHANGES) return undefined;
    const candidate: Candidate = { credential: { ...credential, clientSecrets: [secret] }, source };
    if (rejected.some((other) => isSame(other, candidate.credential))) return undefined;
    rejected.push(candidate.credential);
    try {
      const exchanged = await exchanger.exchange(candidate.credential, within, source.provider);
      memory.remember(candidate, [read.version.id, latest.version.id]);
      warn(`${read.provider}: IMS rejected the client secret to use; ${name} worked`);
      return { ...exchanged, source };
    } catch (error) {
      // A credential of another client than ims.clientId is no reason to hide the rejection of the one in use.
      const isOther = error instanceof ConfigInvalidError;
      if (!isOther && !isInvalidClient(error)) throw error;
      notes.push(`${name} ${isOther ? 'is of another client than ims.clientId' : 'was rejected too'}`);
      return undefined;
    }
  }

  /** Reading for a last resort: its failure is told, and does not hide the rejection. */
  async function reading<T>(what: string, work: Promise<T> | undefined): Promise<T | undefined> {
    return work?.catch((error: unknown) => {
      signal?.throwIfAborted();
      notes.push(`${what} could not be read (${error instanceof ImsvaultError ? error.code : 'unexpected error'})`);
      return undefined;
    });
  }

  let latest = read;

  async function inOrder(within: AbortSignal): Promise<Renewed | undefined> {
    latest = (await reading('the credential as it is now', read.readAgain?.(within))) ?? read;
    const [current, second] = latest.credential.clientSecrets;
    const candidate = { credential: latest.credential, source: latest };
    // Where another was tried first, this one was not tried at all.
    const again = latest.version.id === read.version.id ? 'the credential in use' : 'the credential read again';
    const own =
      (await attempt(candidate, current, again, within)) ??
      (await attempt(candidate, second, 'the second of its client secrets', within));
    if (own !== undefined) return own;
    for (const other of (await reading('its other versions', read.readOthers?.(within))) ?? []) {
      const { stage, id } = other.version;
      const name = `the credential of ${stage ?? `version ${id}`}`;
      for (const secret of other.credential.clientSecrets) {
        const renewed = await attempt({ credential: other.credential, source: other }, secret, name, within);
        if (renewed !== undefined) return renewed;
      }
    }
    return undefined;
  }

  try {
    const leftMs = endsAt - clock.monotonic();
    if (leftMs <= 0) throw new DeadlineExceeded(0);
    const renewed = await withDeadline(clock, leftMs, signal, inOrder);
    if (renewed !== undefined) return renewed;
  } catch (failure) {
    if (!(failure instanceof DeadlineExceeded)) throw failure;
    notes.push('no time was left to try more');
  }
  throw notes.length === 0 ? error : withNotes(error, notes);
}

function isSame(a: Credential, b: Credential): boolean {
  return a.clientId === b.clientId && reveal(a.clientSecrets[0]) === reveal(b.clientSecrets[0]);
}

function withNotes(error: TokenRequestRejectedError, notes: readonly string[]): TokenRequestRejectedError {
  return new TokenRequestRejectedError(`${error.message}; ${notes.join('; ')}`, error, { hint: error.hint });
}
