import { systemClock } from '../../clock.js';
import { listProfiles } from '../../config/list-profiles.js';
import { loadProfile, type ResolvedProfile } from '../../config/load.js';
import type { OpenDeps } from '../../config/open.js';
import { parseDuration } from '../../duration.js';
import { type MachineCache, watchForCache } from '../../engine/machine-cache.js';
import { ConfigInvalidError } from '../../errors.js';
import { proxySettingsFromEnv } from '../../net/proxy-settings.js';
import { EXIT, exitCodeFor } from '../exit-codes.js';
import { type GlobalOptions, type Io, loadOptions } from '../io.js';
import { printWarning } from '../print-error.js';
import { formatCheck, formatReport, reportDocument } from '../status-output.js';
import { type JudgedToken, judge, readStoredFacts, type StoredFacts } from '../token-facts.js';

export interface StatusOptions extends GlobalOptions {
  output: 'text' | 'json';
  /** Every profile of the config. */
  all?: boolean;
  check?: boolean;
  /** A duration: the life that a usable token must still have. */
  minTtl?: string;
}

/** What is known of one profile's token. */
export interface StatusReport {
  profile?: string;
  /** Whether a token is there that has the life asked for. */
  usable: boolean;
  cached?: JudgedToken;
  /** Undefined: the profile has no token store, or it could not be read. */
  stored?: StoredFacts;
  error?: unknown;
}

/** Shows what is known of the token. Exchanges nothing, reads no credential, prints no token. */
export async function runStatus(options: StatusOptions, io: Io): Promise<number> {
  const minTtlMs = options.minTtl === undefined ? 0 : parseDuration(options.minTtl);
  if (minTtlMs === undefined) {
    throw new ConfigInvalidError([{ path: '--min-ttl', message: 'write a duration: 30s, 10m, 2h, or milliseconds' }]);
  }
  const reports: StatusReport[] = [];
  for (const name of await profilesOf(options, io)) {
    const given = name === undefined ? options : { ...options, profile: name };
    reports.push(await reportOn(given, minTtlMs, io));
  }
  const now = systemClock.now();
  if (options.output === 'json') {
    io.stdout(`${JSON.stringify({ profiles: reports.map((report) => reportDocument(report, now)) }, undefined, 2)}\n`);
  } else {
    io.stdout(reports.map((report) => (options.check ? formatCheck : formatReport)(report, now)).join(''));
  }
  if (options.check === true) return reports.every(({ usable }) => usable) ? EXIT.done : EXIT.unavailable;
  const failed = reports.find(({ error }) => error !== undefined);
  return failed === undefined ? EXIT.done : exitCodeFor(failed.error);
}

async function profilesOf(options: StatusOptions, io: Io): Promise<readonly (string | undefined)[]> {
  if (options.all !== true) return [options.profile];
  if (options.profile !== undefined) {
    throw new ConfigInvalidError([{ path: '--all', message: 'give --all or --profile, not both' }]);
  }
  return (await listProfiles(loadOptions(options, io))) ?? [undefined];
}

async function reportOn(options: StatusOptions, minTtlMs: number, io: Io): Promise<StatusReport> {
  const named = options.profile === undefined ? {} : { profile: options.profile };
  const warn = (message: string) => printWarning(message, io, options.output);
  let machine: MachineCache;
  let profile: ResolvedProfile;
  try {
    const load = loadOptions(options, io);
    machine = watchForCache(load, { clock: systemClock, random: Math.random, warn });
    profile = await loadProfile({ ...load, env: machine.env });
  } catch (error) {
    // One profile's config must not hide the others.
    if (options.all !== true) throw error;
    return { ...named, usable: false, error };
  }
  for (const warning of profile.warnings) warn(warning);
  const { baseDir, tokenStore } = profile;
  const deps: OpenDeps = {
    clock: systemClock,
    random: Math.random,
    env: io.env,
    baseDir,
    proxy: proxySettingsFromEnv(io.env),
    warn,
  };
  const isUsable = (token: JudgedToken | undefined) =>
    token !== undefined && token.phase !== 'expired' && token.leftMs >= minTtlMs;

  const held = profile.cache === false ? undefined : await machine.peek(profile);
  const cached = held && judge(held, profile, systemClock.now());
  const head = {
    ...(profile.name === undefined ? {} : { profile: profile.name }),
    ...(cached === undefined ? {} : { cached }),
  };
  if (tokenStore === undefined) return { ...head, usable: isUsable(cached) };
  try {
    const stored = await readStoredFacts(tokenStore, profile, deps, io.signal);
    return { ...head, usable: isUsable(cached) || isUsable(stored.token), stored };
  } catch (error) {
    io.signal.throwIfAborted();
    return { ...head, usable: isUsable(cached), error };
  }
}
