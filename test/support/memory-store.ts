import { afterEach } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { type Redacted, redact, reveal } from '../../src/redacted.js';
import type { ProviderModule, SecretProvider } from '../../src/secret/provider.js';
import { write } from '../config/support.js';

const slot = globalThis as { storeOfThisTest?: ProviderModule };
afterEach(() => {
  delete slot.storeOfThisTest;
});

/** One secret with compare-and-swap in memory, as a third party's module `./store.mjs` in `folder`. */
export async function createMemoryStore(folder: string) {
  const store = {
    text: undefined as Redacted<string> | undefined,
    version: 0,
    writes: 0,
    error: undefined as unknown,
  };
  const provider: SecretProvider = {
    name: 'memory',
    describe: () => 'the secret "token"',
    async readSecret() {
      if (store.error !== undefined) throw store.error;
      if (store.text === undefined) throw new ImsvaultError('ERR_SECRET_NOT_FOUND', 'there is none');
      return { value: store.text, id: String(store.version) };
    },
    async replaceSecret(_ref, value, expected) {
      if (expected !== (store.text === undefined ? null : String(store.version))) {
        throw new ImsvaultError('ERR_SECRET_VERSION_CONFLICT', 'another version is current');
      }
      store.writes++;
      store.text = value;
      return { id: String(++store.version) };
    },
  };
  slot.storeOfThisTest = {
    name: 'memory',
    options: { '~standard': { version: 1, vendor: 'test', validate: () => ({ value: {} }) } },
    refOptions: [],
    createProvider: () => provider,
  };
  await write(folder, 'store.mjs', 'export default globalThis.storeOfThisTest;\n');
  return {
    state: store,
    /** Changes fields of the document, as another process or a store would. */
    edit(fields: object) {
      store.text = redact(JSON.stringify({ ...JSON.parse(reveal(store.text as Redacted<string>)), ...fields }));
    },
  };
}
