import { randomBytes, randomUUID } from 'node:crypto';
import { link, lstat, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccessToken } from '../../access-token.js';
import { TEMPORARY_SUFFIX, writeFileAtomically } from '../../atomic-file.js';
import type { BootTime, Clock } from '../../clock.js';
import { redact } from '../../redacted.js';
import { type RenewalPolicy, renewalSchedule } from '../renewal-schedule.js';
import { findCacheFolder } from './cache-folder.js';
import { type CallFacts, recordFacts, type Stamped } from './facts.js';
import { createMachineLock, type MachineLock } from './machine-lock.js';
import { readOwnedFile } from './owned-file.js';
import { placeIn, readCachedToken, SALT, saltFile } from './token-file.js';
import { type CachedToken, MAX_PAUSE_MS, serializeRecord, type TokenRecord } from './token-record.js';

/** The machine's memory of one call's token: a file that every process of this user finds. */
export interface TokenCache {
  /** Only one process at a time renews. */
  readonly lock: MachineLock;
  /** Where other files of this cache belong. */
  readonly folder: string;
  read(): CachedToken | undefined;
  /** Never throws: a token that cannot be kept is still a token. */
  write(token: AccessToken): Promise<void>;
  /** Early renewals of this token wait: 1 s, doubling, at most 5 min, and not less than `retryAfterMs`. Never throws. */
  pause(cached: CachedToken, retryAfterMs: number | undefined): Promise<void>;
}

export interface TokenCacheOptions {
  facts: CallFacts;
  /** Names of the variables that were read, as far as they are known when a token is there. */
  namesRead: () => Iterable<string>;
  /** The files that decide which token it is, stamped before they were read; asked when a token is there. */
  files: () => readonly Stamped[];
  policy: RenewalPolicy;
  clock: Clock;
  boot: () => BootTime | undefined;
  /** A number in [0, 1). */
  random: () => number;
  warn: (message: string) => void;
}

/** Files of calls that nobody makes any more, and what killed processes left behind, go after this long. */
const KEPT_MS = 7 * 24 * 3_600_000;

/** @returns undefined where no folder can be had that is this user's alone; `warn` is then told why */
export async function openTokenCache(options: TokenCacheOptions): Promise<TokenCache | undefined> {
  const { facts, policy, clock, boot, random } = options;
  const { folder, ...found } = findCacheFolder(facts.env, facts.uid, 'create');
  const { salt, problem } = folder === undefined ? { salt: undefined, ...found } : await openSalt(folder, facts.uid);
  if (folder === undefined || salt === undefined) {
    options.warn(`the token is not kept for the next call: ${problem}; IMSVAULT_CACHE=off turns this off`);
    return undefined;
  }
  // Anew each time: a program may change its environment.
  const place = () => placeIn(folder, facts, salt);
  const told = new Set<string>();
  const warnOnce = (message: string) => {
    if (!told.has(message)) options.warn(message);
    told.add(message);
  };

  async function save(record: TokenRecord): Promise<void> {
    const { file } = place();
    try {
      await writeFileAtomically(file, serializeRecord(record), 0o600);
    } catch (error) {
      warnOnce(`${file} cannot be written (${codeOf(error)}); the token is not kept for the next call`);
    }
  }

  return {
    folder,
    lock: createMachineLock(`${place().file}.lock`, clock),
    read() {
      const { cached, problem } = readCachedToken(place(), facts.env, clock.now(), boot());
      if (problem !== undefined) warnOnce(`${problem}; it is not used`);
      return cached;
    },
    async write(token) {
      await save({
        token: { ...fieldsOf(token), publishId: randomUUID() },
        schedule: renewalSchedule(policy, token.expiresAt - token.issuedAt, random()),
        savedAt: clock.now(),
        boot: boot(),
        facts: recordFacts(options.namesRead(), options.files(), facts.env, salt),
      });
      await sweep(folder, place().file);
    },
    async pause({ record }, retryAfterMs = 0) {
      const count = Math.min((record.pause?.count ?? 0) + 1, 20);
      const pauseMs = Math.min(MAX_PAUSE_MS, Math.max(retryAfterMs, 1000 * 2 ** (count - 1)));
      await save({ ...record, pause: { until: clock.now() + pauseMs, count } });
    },
  };
}

function fieldsOf({ accessToken, tokenType, expiresAt, issuedAt, scope, clientId }: AccessToken) {
  return { accessToken: redact(accessToken), tokenType, expiresAt, issuedAt, scope, clientId };
}

/** The folder's salt; made where there is none, by one process for all that come at once. */
async function openSalt(folder: string, uid: number): Promise<{ salt: string | undefined; problem?: string }> {
  const file = saltFile(folder);
  const known = readOwnedFile(file, uid).text;
  if (known !== undefined && SALT.test(known)) return { salt: known };
  const own = join(folder, `.salt.${randomUUID()}${TEMPORARY_SUFFIX}`);
  try {
    if (known !== undefined) await unlink(file).catch(() => undefined);
    await writeFileAtomically(own, randomBytes(32).toString('hex'), 0o600);
    // Unlike a rename it leaves another's in place.
    await link(own, file).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  } catch (error) {
    return { salt: undefined, problem: `${folder} cannot be written (${codeOf(error)})` };
  } finally {
    await unlink(own).catch(() => undefined);
  }
  const { text, problem = 'is not a salt' } = readOwnedFile(file, uid);
  return text !== undefined && SALT.test(text)
    ? { salt: text }
    : { salt: undefined, problem: `${file} ${problem}; remove it` };
}

/** Best effort. @param written the file that was written just now, by whose time the others are old */
async function sweep(folder: string, written: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const latest = await lstat(written).catch(() => undefined);
  if (latest === undefined) return;
  for (const name of names.filter((name) => /\.(json|tmp|lock|taking)$/.test(name))) {
    const file = join(folder, name);
    const stats = await lstat(file).catch(() => undefined);
    if (stats !== undefined && latest.mtimeMs - stats.mtimeMs > KEPT_MS) await unlink(file).catch(() => undefined);
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? 'unknown error';
