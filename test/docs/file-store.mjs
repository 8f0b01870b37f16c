// A store in a file, `secret.json` beside the config: for commands that write a secret.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { defineProvider, redact, reveal } from 'imsvault/provider';

export default defineProvider({
  name: 'file-store',
  options: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } },
  refOptions: ['file'],
  createProvider: () => ({
    name: 'file-store',
    describe: ({ file }) => `the file ${file}`,
    async readSecret({ file }) {
      const text = readFileSync(file, 'utf8');
      return { value: redact(text), id: createHash('sha256').update(text).digest('hex') };
    },
    async putSecret({ file }, value) {
      writeFileSync(file, reveal(value));
      return { id: 'written' };
    },
  }),
});
