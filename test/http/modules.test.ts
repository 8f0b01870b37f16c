import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BuiltPackage, buildPackage } from '../support/built.js';

let built: BuiltPackage;
beforeAll(async () => {
  built = await buildPackage({ http: 'src/http/index.ts' });
});
afterAll(() => built.remove());

/** Runs where no package is installed; `provider`'s token is of no use, and no request leaves the machine. */
async function run(body: string): Promise<string> {
  const program = `
    const http = await import(process.argv[1]);
    const token = { accessToken: 't', clientId: 'c', scope: [], issuedAt: 0, expiresAt: 1 };
    const provider = { getToken: async () => token, peekToken: () => token };
    const options = { allowedOrigins: ['http://127.0.0.1:1'] };
    ${body}`;
  const args = ['--input-type=module', '-e', program, built.file('http')];
  return (await promisify(execFile)(process.execPath, args)).stdout.trim();
}

it('loads undici for its dispatcher alone', async () => {
  const used = await run(`
    const fetched = await http.createTokenFetch(provider, options)('http://127.0.0.1:1').catch(({ message }) => message);
    const { token: credential } = await http.createTokenCredential(provider).getToken([]);
    const { headers } = await http.createAuthorizer(provider, options)('http://127.0.0.1:1');
    const dispatched = http.createTokenInterceptor(provider, options)(({ headers }) => headers.join(' '));
    const interceptor = dispatched({ origin: 'http://127.0.0.1:1' }, {});
    console.log([fetched, credential, headers.authorization, interceptor].join('|'));`);
  expect(used).toBe('fetch failed|t|Bearer t|authorization Bearer t x-api-key c');

  const dispatcher = `console.log(await http.createTokenDispatcher(provider).then((made) => typeof made.dispatch, ({ code }) => code));`;
  expect(await run(dispatcher)).toBe('ERR_MODULE_NOT_FOUND');
  await built.install('undici');
  expect(await run(dispatcher)).toBe('function');
});
