import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, lstatSync, mkdirSync, renameSync, rmSync, type Stats, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { getuid } from 'node:process';
import { ConfigInvalidError } from '../errors.js';
import type { UnixSocketOptions } from './agent-server.js';
import { openFolder } from './open-folder.js';

/** What fits into `sun_path` on every system; a longer one would be cut off silently. */
const MAX_PATH_BYTES = 103;

/**
 * Listens on a Unix socket that never has wider permissions than asked for: it is made in a private folder and moved.
 * A socket that nobody answers on any more is replaced.
 * @returns removes the socket, if it is still this one; throws what the file system does
 * @throws ConfigInvalidError
 */
export async function listenOnUnixSocket(
  server: Server,
  path: string,
  { mode = 0o600, gid }: UnixSocketOptions,
): Promise<() => void> {
  const open = openFolder(path);
  if (open !== undefined) throw invalid(path, open);
  await checkVacant(path);
  const folder = join(dirname(path), `.${randomBytes(4).toString('hex')}`);
  const made = join(folder, 's');
  if (Math.max(Buffer.byteLength(path), Buffer.byteLength(made)) > MAX_PATH_BYTES) {
    throw invalid(path, `is too long: a socket's path may have ${MAX_PATH_BYTES} bytes, its folder's some less`);
  }
  try {
    mkdirSync(folder, { mode: 0o700 });
    try {
      await listening(server, made);
      if (gid !== undefined) chownSync(made, -1, gid);
      chmodSync(made, mode);
      const { dev, ino } = lstatSync(made);
      renameSync(made, path);
      return () => {
        const now = lstatSync(path, { throwIfNoEntry: false });
        if (now?.dev === dev && now.ino === ino) unlinkSync(path);
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  } catch (error) {
    server.close();
    throw unmakable(path, error);
  }
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Only what is a socket, ours, and dead may be replaced. */
async function checkVacant(path: string): Promise<void> {
  const stats = lookAt(path);
  if (stats === undefined) return;
  if (!stats.isSocket()) throw invalid(path, 'is there already and is no socket');
  const uid = getuid?.();
  if (uid !== undefined && stats.uid !== uid) throw invalid(path, `belongs to user ${stats.uid}, not to ${uid}`);
  const code = await connectError(path);
  if (code === undefined) throw invalid(path, 'is in use: another agent answers there');
  if (code !== 'ECONNREFUSED' && code !== 'ENOENT') throw invalid(path, `is there already and may be in use (${code})`);
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unmakable(path, error);
  }
}

/** @returns why nobody can be reached there; undefined: somebody can */
function connectError(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown error'));
  });
}

function unmakable(path: string, error: unknown): ConfigInvalidError {
  return invalid(path, `cannot be made (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
}

function invalid(path: string, what: string): ConfigInvalidError {
  return new ConfigInvalidError([{ path: '--listen', message: `${path} ${what}` }]);
}
