import { open, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { ImsvaultError } from '../errors.js';
import { type Redacted, redact } from '../redacted.js';

/** Larger than any login token or key; a wrong path to a log or a disk image stops here. */
const MAX_BYTES = 64 * 1024;

/** `~/…` from the home folder, other relative paths from `baseDir`. */
export function resolvePath(path: string, baseDir: string): string {
  if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(1));
  return isAbsolute(path) ? path : resolve(baseDir, path);
}

export interface SecretFileOptions {
  /** Upper bound of its size, default 64 KiB; a bundle of certificates needs more. */
  maxBytes?: number;
  /**
   * The error's code where there is no such file. ERR_SECRET_MALFORMED, the default, for a file that somebody named;
   * ERR_PROVIDER_NOT_CONFIGURED, past which a chain goes on, for a place that is looked at by default;
   * ERR_SECRET_NOT_FOUND where the file is the secret itself.
   */
  ifMissing?: 'ERR_SECRET_MALFORMED' | 'ERR_PROVIDER_NOT_CONFIGURED' | 'ERR_SECRET_NOT_FOUND';
}

/**
 * The text of a mounted secret (Docker, Kubernetes, systemd credentials), without its trailing line end.
 * Read it at every use: such files are replaced when the secret rotates.
 * @param option the option that named the file, for the error's text
 * @throws `ifMissing` when there is no such file, ERR_SECRET_ACCESS_DENIED when it may not be read,
 *   ERR_SECRET_MALFORMED when it is empty, over `maxBytes`, not text, or not a file
 */
export async function readSecretFile(
  path: string,
  baseDir: string,
  option: string,
  options?: SecretFileOptions,
): Promise<Redacted<string>> {
  const file = resolvePath(path, baseDir);
  const content = await readBoundedFile(file, option, options);
  const text = content.toString('utf8').replace(/\r?\n$/, '');
  if (text === '') throw malformed(file, option, 'is empty');
  if (text.includes('\0') || text.includes('\ufffd')) throw malformed(file, option, 'is not text');
  return redact(text);
}

/**
 * The bytes of a regular file; a pipe, a device or a folder is refused before it could hang the process.
 * @param file absolute path
 * @param option the option that named the file, first in the error's text
 * @throws as {@link readSecretFile}, but the file may be empty and hold any bytes
 */
export async function readBoundedFile(
  file: string,
  option: string,
  { maxBytes = MAX_BYTES, ifMissing = 'ERR_SECRET_MALFORMED' }: SecretFileOptions = {},
): Promise<Buffer> {
  try {
    // Before it is opened: opening a pipe would wait for its writer, beyond any timeout.
    const entry = await stat(file);
    if (!entry.isFile()) throw malformed(file, option, entry.isDirectory() ? 'is a folder' : 'is not a regular file');
    const handle = await open(file, 'r');
    try {
      const buffer = Buffer.alloc(maxBytes + 1);
      let size = 0;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, size, buffer.length - size);
        if (bytesRead === 0) return buffer.subarray(0, size);
        size += bytesRead;
        if (size > maxBytes) throw malformed(file, option, `is larger than ${maxBytes} bytes`);
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ImsvaultError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      const what = ifMissing === 'ERR_SECRET_MALFORMED' ? 'is named, but there is no such file' : 'does not exist';
      throw new ImsvaultError(ifMissing, `${option}: ${file} ${what}`, {
        hint: 'Check the path and that the secret is mounted here.',
      });
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new ImsvaultError('ERR_SECRET_ACCESS_DENIED', `${option}: this user may not read ${file}`, {
        hint: 'Check the owner and the mode of the file.',
      });
    }
    throw new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${option}: ${file} cannot be read (${code ?? 'unknown error'})`);
  }
}

function malformed(file: string, option: string, what: string): ImsvaultError {
  return new ImsvaultError('ERR_SECRET_MALFORMED', `${option}: ${file} ${what}`);
}
