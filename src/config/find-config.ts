import { lstatSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ConfigInvalidError } from '../errors.js';
import { resolvePath } from '../secret/secret-file.js';
import type { Env } from './interpolate.js';

const CONFIG_FILE_NAMES = ['imsvault.config.yaml', 'imsvault.config.yml', 'imsvault.config.json'] as const;

export interface ConfigLocation {
  /** Absolute path; undefined: there is no config file. */
  file?: string;
  /** Found by search, not named. */
  discovered: boolean;
}

/**
 * The file that is named, else one found upwards, else none. Synchronous: the warm path of the command line asks too.
 * @throws ERR_CONFIG_INVALID when a folder has two of them
 */
export function locateConfig(options: { configPath?: string; env: Env; cwd: string; home?: string }): ConfigLocation {
  const { env, cwd, home } = options;
  const named = options.configPath ?? (env.IMSVAULT_CONFIG || undefined);
  if (named !== undefined) return { file: resolvePath(named, resolve(cwd)), discovered: false };
  const file = findConfigFile(cwd, home ?? homedir());
  return file === undefined ? { discovered: false } : { file, discovered: true };
}

/**
 * Tells one config from another in the cache of tokens: without a file, paths in variables start at `cwd`; a file that
 * may be refused when it is found by search has no token of when it was named.
 */
export function configName({ file, discovered }: ConfigLocation, cwd: string): string {
  if (file === undefined) return `folder:${cwd}`;
  return `${discovered ? 'found' : 'file'}:${file}`;
}

/**
 * Looks for a config file from `cwd` upwards: no further than the repository's root (a folder with `.git`) or `home`,
 * both included.
 * @throws ERR_CONFIG_INVALID when a folder has two of them
 */
export function findConfigFile(cwd: string, home: string): string | undefined {
  const last = physical(home);
  let folder = physical(cwd);
  for (;;) {
    const found = present(CONFIG_FILE_NAMES.map((name) => join(folder, name)));
    const [file, second] = found;
    if (second !== undefined) {
      throw new ConfigInvalidError(
        [{ path: '', message: `two config files stand side by side: ${found.join(' and ')}` }],
        { hint: 'Remove one, or name the one to use by --config or IMSVAULT_CONFIG.' },
      );
    }
    if (file !== undefined) return file;
    const parent = dirname(folder);
    if (folder === last || parent === folder || present([join(folder, '.git')]).length > 0) return undefined;
    folder = parent;
  }
}

function physical(folder: string): string {
  try {
    return realpathSync.native(folder);
  } catch {
    return folder;
  }
}

/** lstat: a link whose target is missing counts, so that reading it tells what is wrong. */
function present(files: readonly string[]): string[] {
  return files.filter((file) => {
    try {
      return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
    } catch {
      return false;
    }
  });
}
