// A provider of one's own: credentials from a JSON file that holds several, by name.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { defineProvider, ImsvaultError, redact, vendorCause } from 'imsvault/provider';

/** Standard Schema by hand; zod, valibot and arktype make one for you. */
const options = {
  '~standard': {
    version: 1,
    vendor: 'example',
    validate(value) {
      const issues = [];
      for (const key of ['file', 'entry']) {
        if (typeof value[key] !== 'string' || value[key] === '')
          issues.push({ message: 'must be a text', path: [key] });
      }
      for (const key of Object.keys(value)) {
        if (!['file', 'entry'].includes(key)) issues.push({ message: 'unknown option', path: [key] });
      }
      return issues.length > 0 ? { issues } : { value };
    },
  },
};

export default defineProvider({
  name: 'json-file',
  options,
  // Which secret; the rest (file) says how to reach the store.
  refOptions: ['entry'],
  createProvider({ file }, context) {
    const path = resolve(context.baseDir, file);
    return {
      name: 'json-file',
      describe: ({ entry }) => `entry "${entry}" of ${path}`,
      async readSecret({ entry }, { signal } = {}) {
        signal?.throwIfAborted();
        const entries = await readEntries(path, signal);
        if (!Object.hasOwn(entries, entry)) {
          throw new ImsvaultError('ERR_SECRET_NOT_FOUND', `${path} has no entry "${entry}"`);
        }
        const { version, ...secret } = entries[entry];
        return { value: redact(JSON.stringify(secret)), id: String(version) };
      },
    };
  },
});

async function readEntries(path, signal) {
  try {
    return JSON.parse(await readFile(path, { encoding: 'utf8', signal }));
  } catch (error) {
    signal?.throwIfAborted();
    const cause = vendorCause(error);
    // A parser's message quotes the text, so only ours travels on.
    if (error instanceof SyntaxError) throw new ImsvaultError('ERR_SECRET_MALFORMED', `${path} is not valid JSON`);
    if (cause.code === 'ENOENT') throw new ImsvaultError('ERR_PROVIDER_NOT_CONFIGURED', `there is no file ${path}`);
    if (cause.code === 'EACCES') throw new ImsvaultError('ERR_SECRET_ACCESS_DENIED', `${path} may not be read`);
    throw new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${path} cannot be read`, { cause });
  }
}
