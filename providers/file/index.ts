import { createHmac, randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomically } from '../../src/atomic-file.js';
import { ImsvaultError } from '../../src/errors.js';
import { reveal } from '../../src/redacted.js';
import { defineProvider } from '../../src/secret/provider.js';
import { readSecretFile, resolvePath } from '../../src/secret/secret-file.js';
import { checkReadable, checkWritable } from './checks.js';
import { type FileOptions, fileOptions } from './options.js';

/** A secret in a file of its own: a mounted credential, or a token that other programs read. No compare-and-swap. */
export default defineProvider<FileOptions, 'path'>({
  name: 'file',
  options: fileOptions,
  refOptions: ['path'],
  createProvider({ mode }, { baseDir }) {
    // A version id is no secret, so it must not be a hash that a guess could be checked against.
    const key = randomBytes(32);
    const idOf = (text: string) => createHmac('sha256', key).update(text).digest('base64url').slice(0, 16);
    const fileOf = (path: string) => resolvePath(path, baseDir);
    return {
      name: 'file',
      describe: ({ path }) => `the file ${fileOf(path)}`,
      async readSecret({ path }, options) {
        options?.signal?.throwIfAborted();
        const file = fileOf(path);
        await checkReadable(file);
        const value = await readSecretFile(file, baseDir, 'path', { ifMissing: 'ERR_SECRET_NOT_FOUND' });
        const stats = await stat(file).catch(() => undefined);
        return { value, id: idOf(reveal(value)), ...(stats === undefined ? {} : { createdAt: stats.mtimeMs }) };
      },
      async putSecret({ path }, value, options) {
        options?.signal?.throwIfAborted();
        const file = fileOf(path);
        const before = await checkWritable(file, options?.create ?? true);
        try {
          // Whoever reads it by its group goes on reading it.
          const kept = before === undefined ? 0o600 : before.mode & 0o775;
          const owner = before === undefined || before.gid === process.getgid?.() ? {} : { gid: before.gid };
          await writeFileAtomically(
            file,
            `${reveal(value)}\n`,
            mode === undefined ? kept : Number.parseInt(mode, 8),
            owner,
          );
        } catch (error) {
          throw notWritten(file, (error as NodeJS.ErrnoException).code);
        }
        return { id: idOf(reveal(value)) };
      },
    };
  },
});

function notWritten(file: string, code: string | undefined): ImsvaultError {
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new ImsvaultError(
      'ERR_SECRET_ACCESS_DENIED',
      `path: this user may not write to ${dirname(file)} (${code})`,
      {
        hint: 'Check the owner and the mode of the folder: the file is replaced as a whole.',
      },
    );
  }
  return new ImsvaultError('ERR_SECRET_UNAVAILABLE', `path: ${file} cannot be written (${code ?? 'unknown error'})`);
}
