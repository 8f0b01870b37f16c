import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.js';
import { comparable } from '../config/comparable.js';
import type { Env } from '../config/interpolate.js';
import type { ResolvedProfile } from '../config/load.js';
import type { LoadedConfig } from '../config/load-config.js';
import { provideTokens } from '../engine/provide-tokens.js';
import { createTokenEngines } from '../engine/token-engine.js';
import { ConfigInvalidError, type ConfigProblem, vendorCause } from '../errors.js';
import type { TokenEvent } from '../token/token-events.js';
import type { TokenProvider } from '../token-provider.js';
import type { AgentProfiles } from './agent-profiles.js';
import { type CountedProvider, countCalls } from './counted-provider.js';

export interface ProfileSetDeps {
  env: Env;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  /** Told of what happens to each profile's token; must not throw. */
  onEvent: (profile: string, event: TokenEvent) => void;
  /** Told what is odd but stops nothing; no secret in it. */
  warn: (message: string) => void;
  /** Sockets to each token endpoint. Default 16. */
  imsConnections?: number;
}

/** What a config changed, by the names of profiles. */
export interface ProfileChanges {
  /** With the token that they hold. */
  kept: string[];
  opened: string[];
  /** Closed when the requests under way have ended; a changed one is also among those opened. */
  closed: string[];
}

/** The profiles of one config, and of the next one. */
export interface ProfileSet {
  readonly current: AgentProfiles;
  /**
   * Takes a config over. A profile whose settings are as they were keeps its provider and its token.
   * @throws ERR_CONFIG_INVALID with every problem; everything is then as it was
   */
  apply(config: LoadedConfig): Promise<ProfileChanges>;
  close(): Promise<void>;
}

/**
 * How long a profile that is gone may still answer requests under way, in milliseconds. At least: a request may have been
 * given it and not have asked it yet.
 */
const RETIREMENT = { minMs: 1000, maxMs: 30_000 };
const DEFAULT_IMS_CONNECTIONS = 16;

interface Entry {
  settings: ResolvedProfile;
  counted: CountedProvider;
  /** Once, whoever asks; never rejects. */
  close(): Promise<void>;
}

export function createProfileSet(deps: ProfileSetDeps): ProfileSet {
  const { env, clock, random, warn, imsConnections = DEFAULT_IMS_CONNECTIONS } = deps;
  const engines = createTokenEngines({ env, clock, random, warn, imsConnections });
  const retiring = new Set<Entry>();
  let entries: ReadonlyMap<string, Entry> = new Map();
  let current = describe(entries, undefined);

  /** @throws ERR_CONFIG_INVALID */
  async function open(name: string, settings: ResolvedProfile): Promise<Entry> {
    const named = { warn: (message: string) => warn(`profile ${name}: ${message}`) };
    const tokens = provideTokens((onEvent) => engines.open(settings, { ...named, onEvent }), {
      clock,
      random,
      ...named,
      onEvent: (event) => deps.onEvent(name, event),
    });
    await tokens.open();
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= tokens.provider.close().catch((error: unknown) => {
        const cause = vendorCause(error);
        named.warn(`it was not closed well (${cause.code ?? cause.name})`);
      });
      return closing;
    };
    return { settings, counted: countCalls(tokens.provider), close };
  }

  async function retire(entry: Entry): Promise<void> {
    retiring.add(entry);
    await entry.counted.idle(clock, RETIREMENT);
    await entry.close();
    retiring.delete(entry);
  }

  return {
    get current() {
      return current;
    },

    async apply({ profiles, defaultName }) {
      const next = new Map<string, Entry>();
      const changes: ProfileChanges = { kept: [], opened: [], closed: [] };
      const problems: ConfigProblem[] = [];
      for (const [name, settings] of profiles) {
        const known = entries.get(name);
        if (known !== undefined && sameSettings(known.settings, settings)) {
          next.set(name, known);
          changes.kept.push(name);
          continue;
        }
        try {
          next.set(name, await open(name, settings));
          changes.opened.push(name);
        } catch (error) {
          if (!(error instanceof ConfigInvalidError)) throw error;
          const below = settings.name === undefined ? '' : `profiles.${name}.`;
          problems.push(...error.problems.map((problem) => ({ ...problem, path: `${below}${problem.path}` })));
        }
      }
      if (problems.length > 0) {
        await Promise.all(changes.opened.map((name) => next.get(name)?.close()));
        throw new ConfigInvalidError(problems);
      }
      const before = entries;
      entries = next;
      current = describe(entries, defaultName);
      for (const [name, entry] of before) {
        if (next.get(name) === entry) continue;
        changes.closed.push(name);
        void retire(entry);
      }
      return changes;
    },

    async close() {
      const last = [...entries.values(), ...retiring];
      entries = new Map();
      await Promise.all(last.map((entry) => entry.close()));
    },
  };
}

function describe(entries: ReadonlyMap<string, Entry>, defaultName: string | undefined): AgentProfiles {
  return {
    names: [...entries.keys()],
    defaultName,
    get(name = defaultName): TokenProvider | undefined {
      return name === undefined ? undefined : entries.get(name)?.counted.provider;
    },
  };
}

/** What says where a profile stands, and not what it does. */
const PLACES = { name: undefined, configFile: undefined, warnings: undefined, origins: undefined, redacted: undefined };

function sameSettings(a: ResolvedProfile, b: ResolvedProfile): boolean {
  return isDeepStrictEqual(comparable({ ...a, ...PLACES }), comparable({ ...b, ...PLACES }));
}
