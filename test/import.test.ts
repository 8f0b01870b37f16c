import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CLIENT_ID, CLIENT_SECRET, emulated } from './cli/support.js';
import { type BuiltPackage, buildPackage } from './support/built.js';

let built: BuiltPackage;
beforeAll(async () => {
  built = await buildPackage({ index: 'src/index.ts' });
});
afterAll(() => built.remove());

const PROGRAM = `
const { createTokenProvider } = await import(process.argv[1]);
const provider = createTokenProvider({ ims: { tokenEndpoint: process.argv[2], retry: { maxAttempts: 1 } } });
if (provider.peekToken() !== undefined) throw new Error('a token from nowhere');
const result = await provider.getToken().then((token) => token.accessToken, ({ code, cause }) => ({ code, cause }));
await provider.close();
console.log(JSON.stringify(result));
`;

/** An import and a first token, in a process of its own. */
async function firstToken(tokenEndpoint: string): Promise<unknown> {
  const env = { ...process.env, FUSION_CLIENT_ID: CLIENT_ID, FUSION_CLIENT_SECRET: CLIENT_SECRET };
  const args = ['--input-type=module', '-e', PROGRAM, built.file('index'), tokenEndpoint];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return JSON.parse(stdout);
}

it('needs neither undici nor a vendor SDK to be imported, and of them undici alone for env', async () => {
  const { emulator } = await emulated();
  // Nothing is installed: the import works, and the first exchange misses undici.
  expect(await firstToken(emulator.tokenEndpoint)).toEqual({
    code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
    cause: { name: 'Error', code: 'ERR_MODULE_NOT_FOUND' },
  });
  await built.install('undici');
  expect(await firstToken(emulator.tokenEndpoint)).toBe(emulator.issuedTokens()[0]);
});
