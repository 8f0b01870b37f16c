import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { ConfigInvalidError } from '../errors.js';

export const MAX_CONFIG_BYTES = 1024 * 1024;
/** A stranger's file could keep the parser busy for minutes. */
const MAX_FOUND_CONFIG_BYTES = 64 * 1024;

export interface ReadConfigOptions {
  /** Found by search, not named: only this user or root may have written it. */
  discovered: boolean;
  /** This user's id; undefined where the system has none (Windows). */
  uid: number | undefined;
}

/** @throws ERR_CONFIG_INVALID when the file cannot be read, or a discovered one is not to be trusted */
export async function readConfigFile(file: string, { discovered, uid }: ReadConfigOptions): Promise<string> {
  const guarded = discovered && uid !== undefined;
  try {
    if (guarded) {
      const link = await lstat(file);
      if (link.isSymbolicLink()) checkOwner(file, link, uid);
    }
    // Opening a named pipe would wait for a writer; Windows has neither the flag nor such pipes.
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw refuse(file, 'is not a file');
      if (guarded) checkTrusted(file, stats, uid);
      return decode(file, await readBounded(file, handle, discovered ? MAX_FOUND_CONFIG_BYTES : MAX_CONFIG_BYTES));
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ConfigInvalidError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw refuse(file, code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown error'})`);
  }
}

function checkOwner(file: string, stats: Stats, uid: number): void {
  if (stats.uid === uid || stats.uid === 0) return;
  throw refuse(
    file,
    'belongs to another user, who could send your secret elsewhere with it',
    `If you trust it: sudo chown ${stats.isSymbolicLink() ? '-h ' : ''}${uid} ${quote(file)}, or name it by --config or IMSVAULT_CONFIG.`,
  );
}

function checkTrusted(file: string, stats: Stats, uid: number): void {
  checkOwner(file, stats, uid);
  if ((stats.mode & 0o022) === 0) return;
  throw refuse(
    file,
    'can be written by others than its owner, who could send your secret elsewhere with it',
    `Run: chmod go-w ${quote(file)}, or name it by --config or IMSVAULT_CONFIG.`,
  );
}

async function readBounded(file: string, handle: FileHandle, maxBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(maxBytes + 1);
  let size = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, size, buffer.length - size);
    if (bytesRead === 0) return buffer.subarray(0, size);
    size += bytesRead;
    if (size > maxBytes) throw refuse(file, `is larger than ${maxBytes} bytes`);
  }
}

function decode(file: string, content: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw refuse(file, 'is not UTF-8 text');
  }
}

function refuse(file: string, what: string, hint?: string): ConfigInvalidError {
  return new ConfigInvalidError([{ path: '', message: `the config file ${file} ${what}` }], { hint });
}

const quote = (file: string) => (/^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`);
