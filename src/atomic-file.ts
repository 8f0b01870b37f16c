import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Temporary files end in this; one that is left behind belonged to a process that was killed. */
export const TEMPORARY_SUFFIX = '.tmp';

/**
 * Puts `content` into a file as a whole: readers see what was there before, or all of it, also after a crash.
 * A symbolic link in its place is replaced, not followed.
 * @param mode permissions of the file, whatever the umask says
 * @param owner numbers of its user and group; default: the process's
 * @throws NodeJS.ErrnoException; the file is then as it was before
 */
export async function writeFileAtomically(
  file: string,
  content: string,
  mode: number,
  owner: { uid?: number | undefined; gid?: number | undefined } = {},
): Promise<void> {
  const folder = dirname(file);
  const temporary = join(folder, `.${basename(file)}.${randomUUID()}${TEMPORARY_SUFFIX}`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  // Nobody else may open it before its mode is the right one.
  const handle = await open(temporary, flags, 0o600);
  try {
    try {
      await handle.writeFile(content);
      // -1 leaves it as it is. Before the mode, which a new owner must not widen for the old one.
      if (owner.uid !== undefined || owner.gid !== undefined) await handle.chown(owner.uid ?? -1, owner.gid ?? -1);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncFolder(folder);
}

/**
 * {@link writeFileAtomically} where nothing is yet; until it is written, readers see an empty file.
 * @throws NodeJS.ErrnoException, with `EEXIST` where something is there; nothing of this call's is left then
 */
export async function createFileAtomically(file: string, content: string, mode: number): Promise<void> {
  // Not by a hard link of the whole file, which not every file system knows.
  const place = await open(file, 'wx', 0o600);
  await place.close();
  try {
    await writeFileAtomically(file, content, mode);
  } catch (error) {
    await unlink(file).catch(() => undefined);
    throw error;
  }
}

/** Else a crash of the machine could undo the rename. Not every file system knows it. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
