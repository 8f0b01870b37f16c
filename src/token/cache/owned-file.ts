import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { MAX_DOCUMENT_BYTES } from '../fleet/token-document.js';

/** A file of this user's, read; or why it may not be believed; or neither: there is none. */
export interface OwnedFile {
  text?: string;
  problem?: string;
}

/** Reads a file that only this user can have written: no link, no pipe, mode 0600, at most 16 KiB. */
export function readOwnedFile(file: string, uid: number): OwnedFile {
  let descriptor: number;
  try {
    // Opening a pipe would wait for its writer.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return {};
    return { problem: code === 'ELOOP' ? 'is a symbolic link' : `cannot be read (${code})` };
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return { problem: 'is not a regular file' };
    if (stats.uid !== uid) return { problem: 'belongs to another user' };
    if ((stats.mode & 0o077) !== 0) return { problem: 'can be opened by others than its owner' };
    const buffer = Buffer.allocUnsafe(MAX_DOCUMENT_BYTES + 1);
    let size = 0;
    while (size < buffer.length) {
      const read = readSync(descriptor, buffer, size, buffer.length - size, null);
      if (read === 0) return { text: buffer.toString('utf8', 0, size) };
      size += read;
    }
    return { problem: `is larger than ${MAX_DOCUMENT_BYTES} bytes` };
  } catch (error) {
    return { problem: `cannot be read (${(error as NodeJS.ErrnoException).code})` };
  } finally {
    closeSync(descriptor);
  }
}
