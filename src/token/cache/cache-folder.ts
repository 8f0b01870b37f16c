import { lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { isOpenToAll } from '../../open-to-all.js';

type Env = Readonly<Record<string, string | undefined>>;

export interface CacheFolder {
  folder?: string;
  /** Why there is none. */
  problem?: string;
}

/** `$XDG_RUNTIME_DIR/imsvault`, `$XDG_CACHE_HOME/imsvault`, `~/.cache/imsvault`: the first that nobody else can write to. */
export function findCacheFolder(env: Env, uid: number, mode: 'use' | 'create'): CacheFolder {
  const home = env.HOME;
  const cache = env.XDG_CACHE_HOME || (home ? join(home, '.cache') : undefined);
  // The XDG specification has relative paths ignored.
  const bases = [env.XDG_RUNTIME_DIR, cache].filter((base) => base !== undefined && isAbsolute(base)) as string[];
  const problems: string[] = [];
  for (const base of bases) {
    const folder = join(base, 'imsvault');
    try {
      // The runtime folder is the system's to make.
      if (mode === 'create') makeFolder(folder, base !== env.XDG_RUNTIME_DIR);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') {
        problems.push(`${folder} cannot be made (${codeOf(error)})`);
        continue;
      }
    }
    const problem = problemOf(base, folder, uid);
    if (problem === undefined) return { folder };
    problems.push(problem);
  }
  return { problem: problems.join('; ') || 'neither XDG_RUNTIME_DIR nor XDG_CACHE_HOME nor HOME is set' };
}

/** Node's own `recursive` tries for ever where a parent cannot be made, as in /proc, and hides why another cannot. */
function makeFolder(folder: string, withParents: boolean): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const parent = dirname(folder);
    if (!withParents || codeOf(error) !== 'ENOENT' || parent === folder) throw error;
    try {
      makeFolder(parent, true);
    } catch (failure) {
      if (codeOf(failure) !== 'EEXIST') throw failure;
    }
    mkdirSync(folder, { mode: 0o700 });
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

function problemOf(base: string, folder: string, uid: number): string | undefined {
  try {
    const stats = lstatSync(folder);
    if (!stats.isDirectory()) return `${folder} is not a folder`;
    if (stats.uid !== uid) return `${folder} belongs to another user`;
    if ((stats.mode & 0o077) !== 0) return `${folder} can be opened by others than its owner; run: chmod 700 ${folder}`;
    return openParent(realpathSync.native(base));
  } catch (error) {
    return `${folder} cannot be used (${codeOf(error)})`;
  }
}

/** A folder above that everybody can write to, where another's folder could be put in the place of this one. */
function openParent(base: string): string | undefined {
  if ((statSync(base).mode & 0o002) !== 0) return `${base} can be written by everybody`;
  for (let folder = dirname(base); folder !== dirname(folder); folder = dirname(folder)) {
    if (isOpenToAll(statSync(folder))) return `${folder} can be written by everybody`;
  }
  return undefined;
}
