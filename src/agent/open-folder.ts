import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isOpenToAll } from '../open-to-all.js';

/**
 * Whether everybody can put another file in the place of this one.
 * @returns what is wrong; undefined also where the folder cannot be looked at, which whoever needs it will tell
 */
export function openFolder(path: string): string | undefined {
  const folder = dirname(path);
  if (process.platform === 'win32' || !isOpen(folder)) return undefined;
  return `stands in a folder that everybody can write to: chmod o-w ${folder}, or choose another`;
}

function isOpen(folder: string): boolean {
  try {
    return isOpenToAll(statSync(folder));
  } catch {
    return false;
  }
}
