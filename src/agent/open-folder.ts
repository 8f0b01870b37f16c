import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Whether everybody can put another file in the place of this one. With the sticky bit, as in /tmp, only its owner can.
 * @returns what is wrong; undefined also where the folder cannot be looked at, which whoever needs it will tell
 */
export function openFolder(path: string): string | undefined {
  const folder = dirname(path);
  const mode = process.platform === 'win32' ? undefined : modeOf(folder);
  if (mode === undefined || (mode & 0o002) === 0 || (mode & 0o1000) !== 0) return undefined;
  return `stands in a folder that everybody can write to: chmod o-w ${folder}, or choose another`;
}

function modeOf(folder: string): number | undefined {
  try {
    return statSync(folder).mode;
  } catch {
    return undefined;
  }
}
