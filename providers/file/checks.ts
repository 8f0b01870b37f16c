import type { Stats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ImsvaultError } from '../../src/errors.js';

const EVERYBODY_WRITES = 0o002;
const STICKY = 0o1000;

/** What everybody can write tells nothing. Links are followed: Kubernetes mounts secrets as links. */
export async function checkReadable(file: string): Promise<void> {
  const stats = await stat(file).catch(() => undefined);
  // Modes on Windows say nothing; what else is wrong, reading tells.
  if (stats === undefined || !stats.isFile() || process.platform === 'win32') return;
  if ((stats.mode & EVERYBODY_WRITES) !== 0)
    throw denied(file, 'can be written by everybody', `Run: chmod o-w ${file}`);
}

/**
 * Only a file of this user's is replaced, in a folder where no other user can swap it.
 * @param create whether there may be none yet
 * @returns undefined where there is none yet
 */
export async function checkWritable(file: string, create: boolean): Promise<Stats | undefined> {
  const folder = dirname(file);
  const around = await stat(folder).catch(() => undefined);
  if (around === undefined) {
    throw new ImsvaultError('ERR_SECRET_NOT_FOUND', `path: there is no folder ${folder}`, { hint: 'Make the folder.' });
  }
  const uid = process.getuid?.();
  if (uid !== undefined && (around.mode & EVERYBODY_WRITES) !== 0 && (around.mode & STICKY) === 0) {
    throw denied(folder, 'can be written by everybody', 'Write the token to a folder of its own.');
  }
  const stats = await lstat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw denied(file, `cannot be looked at (${error.code})`, 'Check the owner and the mode of its folder.');
  });
  if (stats !== undefined) checkReplaceable(file, stats, uid);
  else if (!create)
    throw new ImsvaultError('ERR_SECRET_NOT_FOUND', `path: ${file} does not exist, and create is false`);
  return stats;
}

function checkReplaceable(file: string, stats: Stats, uid: number | undefined): void {
  if (stats.isSymbolicLink()) throw denied(file, 'is a symbolic link', 'Name the file itself.');
  if (!stats.isFile()) throw new ImsvaultError('ERR_SECRET_MALFORMED', `path: ${file} is not a regular file`);
  if (uid !== undefined && stats.uid !== uid) {
    throw denied(file, 'belongs to another user', 'Let the user that owns it run imsvault, or remove it.');
  }
}

function denied(file: string, what: string, hint: string): ImsvaultError {
  return new ImsvaultError('ERR_SECRET_ACCESS_DENIED', `path: ${file} ${what}`, { hint });
}
