import { randomUUID } from 'node:crypto';
import { lstat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TEMPORARY_SUFFIX, writeFileAtomically } from '../../atomic-file.js';
import type { ServedSink } from '../../config/load-config.js';
import { ConfigInvalidError, vendorCause } from '../../errors.js';
import { accountId } from './accounts.js';

/** Where a sink's content goes. */
export interface SinkFile {
  /** Readers see what was there before, or all of it. @throws NodeJS.ErrnoException */
  write(content: string): Promise<void>;
}

/**
 * Looks up owner and group, and whether the file can be written: a mistake is to be seen at the start, not at the first
 * renewal.
 * @throws ERR_CONFIG_INVALID
 */
export async function openSinkFile(sink: ServedSink): Promise<SinkFile> {
  const { path, mode, option } = sink;
  const fail = (key: string, message: string) => new ConfigInvalidError([{ path: `${option}.${key}`, message }]);
  const uid = sink.owner === undefined ? undefined : await accountId('user', sink.owner);
  const gid = sink.group === undefined ? undefined : await accountId('group', sink.group);
  if (sink.owner !== undefined && uid === undefined) throw fail('owner', 'no user of this name is in /etc/passwd');
  if (sink.group !== undefined && gid === undefined) throw fail('group', 'no group of this name is in /etc/group');
  const entry = await lstat(path).catch(() => undefined);
  if (entry !== undefined && !entry.isFile() && !entry.isSymbolicLink()) {
    throw fail('path', `${path} is there, and is not a file`);
  }
  const probe = join(dirname(path), `.imsvault-${randomUUID()}${TEMPORARY_SUFFIX}`);
  try {
    await writeFileAtomically(probe, '', mode, { uid, gid });
    await unlink(probe);
  } catch (error) {
    const { code, name } = vendorCause(error);
    throw fail('path', `${path} cannot be written (${code ?? name})`);
  }
  return { write: (content) => writeFileAtomically(path, content, mode, { uid, gid }) };
}
