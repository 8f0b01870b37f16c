import { lstat, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigInvalidError } from '../errors.js';

export const CONFIG_FILE_NAMES = ['imsvault.config.yaml', 'imsvault.config.yml', 'imsvault.config.json'] as const;

/**
 * Looks for a config file from `cwd` upwards: no further than the repository's root (a folder with `.git`) or `home`,
 * both included.
 * @throws ERR_CONFIG_INVALID when a folder has two of them
 */
export async function findConfigFile(cwd: string, home: string): Promise<string | undefined> {
  const last = await physical(home);
  let folder = await physical(cwd);
  for (;;) {
    const found = await present(CONFIG_FILE_NAMES.map((name) => join(folder, name)));
    const [file, second] = found;
    if (second !== undefined) {
      throw new ConfigInvalidError(
        [{ path: '', message: `two config files stand side by side: ${found.join(' and ')}` }],
        { hint: 'Remove one, or name the one to use by --config or IMSVAULT_CONFIG.' },
      );
    }
    if (file !== undefined) return file;
    const parent = dirname(folder);
    if (folder === last || parent === folder || (await present([join(folder, '.git')])).length > 0) return undefined;
    folder = parent;
  }
}

const physical = (folder: string) => realpath(folder).catch(() => folder);

/** lstat: a link whose target is missing counts, so that reading it tells what is wrong. */
async function present(files: readonly string[]): Promise<string[]> {
  const there = await Promise.all(
    files.map((file) =>
      lstat(file).then(
        () => true,
        () => false,
      ),
    ),
  );
  return files.filter((_file, index) => there[index]);
}
