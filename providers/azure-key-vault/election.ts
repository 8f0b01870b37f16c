import type { Clock } from '../../src/clock.js';
import { ImsvaultError } from '../../src/errors.js';
import type { ElectedEntry, ElectionEntry } from '../../src/secret/provider.js';
import { claimNameOf, entryOf, tagsOf } from './claim.js';
import { CLAIM_TYPE } from './content-type.js';
import type { ListVersions } from './secret-versions.js';
import type { WriteSecret } from './secret-writer.js';

export interface Election {
  enter(name: string, entry: ElectionEntry, create: boolean, signal: AbortSignal): Promise<ElectedEntry>;
  list(name: string, generation: number, signal: AbortSignal): Promise<{ entries: ElectedEntry[]; serverTime: number }>;
}

export interface ElectionOptions {
  write: WriteSecret;
  list: ListVersions;
  clock: Clock;
  describe: (name: string) => string;
}

/** Everything about an entry is in the tags of its version, which lists show. */
const VALUE = 'A claim of imsvault, see its tags. Not a secret.';

/** Entries are the versions of a secret of their own, which nobody replaces and everybody can list. */
export function createElection({ write, list, clock, describe }: ElectionOptions): Election {
  return {
    async enter(name, entry, create, signal) {
      const claimName = claimNameOf(name);
      const liveMs = entry.failure?.retryAfterMs ?? entry.ttlMs;
      const written = await write(
        claimName,
        {
          value: VALUE,
          contentType: CLAIM_TYPE,
          tags: tagsOf(entry),
          // For people only: Key Vault does not enforce it.
          expiresOn: new Date(clock.now() + liveMs),
          create,
        },
        signal,
      );
      const { version: versionId, createdOn } = written;
      if (versionId === undefined || createdOn === undefined) {
        throw unusable(describe(claimName), 'the answer does not tell the version and its time');
      }
      return { ...entry, createdAt: createdOn.getTime(), versionId };
    },
    async list(name, generation, signal) {
      const place = describe(claimNameOf(name));
      const { versions, serverTime } = await list(claimNameOf(name), place, signal);
      if (serverTime === undefined) throw unusable(place, 'the answer has no Date, so claims cannot be told apart');
      const entries = versions
        .map(entryOf)
        .filter((entry) => entry !== undefined)
        .filter((entry) => entry.generation === generation);
      return { entries: entries.sort(inOrder), serverTime };
    },
  };
}

function inOrder(a: ElectedEntry, b: ElectedEntry): number {
  return a.createdAt - b.createdAt || (a.versionId < b.versionId ? -1 : 1);
}

function unusable(place: string, what: string): ImsvaultError {
  return new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${place}: ${what}`, {
    retryable: false,
    hint: 'Check vaultUrl, and the proxy in between.',
  });
}
