import { extname } from 'node:path';
import { parseEnv } from 'node:util';
import type { AccessToken } from '../access-token.js';
import { bootTime, type Clock } from '../clock.js';
import { configName, locateConfig } from '../config/find-config.js';
import type { Env } from '../config/interpolate.js';
import type { LoadOptions, ProviderBlock, ResolvedProfile } from '../config/load.js';
import { Redacted, reveal } from '../redacted.js';
import { readBoundedFile, resolvePath } from '../secret/secret-file.js';
import { createCachedRenewal } from '../token/cache/cached-renewal.js';
import { type Stamped, stampOf } from '../token/cache/facts.js';
import { createSightingMemory } from '../token/cache/sightings.js';
import { openTokenCache, type TokenCache } from '../token/cache/token-cache.js';
import type { SightingMemory } from '../token/fleet/claim-watch.js';
import { createUnderWay } from '../under-way.js';
import { VERSION } from '../version.js';
import { recordedEnv } from './recorded-env.js';
import type { TokenEngine } from './token-engine.js';

export interface MachineCacheDeps {
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  warn: (message: string) => void;
}

/** What is watched from before the config is read, so that a change in between is not missed. */
export interface MachineCache {
  /** For everything that reads the environment. */
  readonly env: Env;
  /** The token that the cache holds now; undefined where there is none that can be used. */
  peek(profile: ResolvedProfile): Promise<AccessToken | undefined>;
  /** What processes of this machine have seen of others' claims; undefined where there is no cache. */
  sightings(profile: ResolvedProfile): Promise<SightingMemory | undefined>;
  /** Puts the cache before `renew`. */
  before(renew: TokenEngine['renew'], profile: ResolvedProfile): TokenEngine['renew'];
  /** Waits until every renewal has let go of the machine's lock; end them before. */
  close(): Promise<void>;
}

/** The longest that a process may take besides its exchange: its store's answers, and the start of Node. */
const BESIDE_EXCHANGE_MS = 30_000;

/** @throws ERR_CONFIG_INVALID where it cannot be told which config file counts */
export function watchForCache(options: LoadOptions, deps: MachineCacheDeps): MachineCache {
  const names = new Set<string>();
  const location = options.config === undefined ? locateConfig(options) : { discovered: false };
  const { file } = location;
  const files: Stamped[] = file === undefined ? [] : [[file, stampOf(file)]];
  const env = recordedEnv(options.env, (name, value) => {
    names.add(name);
    if (name.endsWith('_FILE') && value) watch(value, options.cwd);
  });
  const uid = options.uid ?? process.getuid?.();
  let opening: Promise<TokenCache | undefined> | undefined;
  const renewals = createUnderWay();

  function watch(path: string, baseDir: string): void {
    const absolute = resolvePath(path, baseDir);
    if (!files.some(([known]) => known === absolute)) files.push([absolute, stampOf(absolute)]);
  }

  async function open(profile: ResolvedProfile): Promise<TokenCache | undefined> {
    // Elsewhere nobody can tell whose a file is; and what a module reads besides itself is not known.
    if (uid === undefined || (file !== undefined && ['.mjs', '.js'].includes(extname(file)))) return undefined;
    for (const [key, text] of referencesOf(profile.credentials)) {
      watch(text, profile.baseDir);
      if (key === 'dotenv') for (const file of await namedIn(text, profile.baseDir)) watch(file, profile.baseDir);
    }
    return openTokenCache({
      ...deps,
      facts: {
        version: VERSION,
        uid,
        config: options.config === undefined ? configName(location, options.cwd) : codeName(options),
        profile: options.profile,
        set: options.set ?? [],
        env: options.env,
      },
      namesRead: () => names,
      files: () => files,
      policy: profile.renewal,
      boot: bootTime,
    });
  }

  const opened = (profile: ResolvedProfile) => {
    opening ??= open(profile);
    return opening;
  };
  return {
    env,
    peek: async (profile) => (await opened(profile))?.read()?.token,
    async sightings(profile) {
      const cache = await opened(profile);
      if (cache === undefined || uid === undefined) return undefined;
      return createSightingMemory({ folder: cache.folder, uid, boot: bootTime });
    },
    before(renew, profile) {
      let cached: TokenEngine['renew'] | undefined;
      async function throughCache(...[request, signal]: Parameters<TokenEngine['renew']>) {
        if (cached === undefined) {
          const cache = await opened(profile);
          const maxWaitMs = profile.ims.timeoutMs + BESIDE_EXCHANGE_MS;
          cached = cache === undefined ? renew : createCachedRenewal({ ...deps, cache, renew, maxWaitMs });
        }
        return cached(request, signal);
      }
      return (request, signal) => renewals.add(throughCache(request, signal));
    },
    close: renewals.ended,
  };
}

/** Texts that say which secret it is. One that names a file (dotenv, path) is watched; others name none. */
function referencesOf(block: ProviderBlock | undefined): [key: string, text: string][] {
  if (block === undefined) return [];
  const refs = 'links' in block ? block.links.map(({ ref }) => ref) : [block.ref];
  return refs
    .flatMap((ref) => Object.entries(ref))
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string');
}

/** Files that the `…_FILE` variables of a dotenv file name. */
async function namedIn(text: string, baseDir: string): Promise<string[]> {
  const content = await readBoundedFile(resolvePath(text, baseDir), 'dotenv').catch(() => undefined);
  const variables = Object.entries(parseEnv(content?.toString('utf8') ?? ''));
  return variables.flatMap(([name, value]) => (name.endsWith('_FILE') && value ? [value] : []));
}

/** Only its keyed digest is kept. */
function codeName({ config, cwd }: LoadOptions): string {
  const text = JSON.stringify(config, function (this: Record<string, unknown>, key, value: unknown) {
    const given = this[key];
    return given instanceof Redacted ? reveal(given) : value;
  });
  return `code:${cwd}:${text}`;
}
