import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startAdobeHosts } from '../live/servers/adobe-hosts.js';
import { aroundOf } from './around.js';
import { allBlocks, type Block, blockOf, ROOT, titleOf } from './blocks.js';
import { CLIENT_ID, CLIENT_SECRET, createWorld, ENTRIES, type World } from './scratch.js';
import { blocksFor } from './sorting.js';

const blocks = blocksFor('program');
const titled = (all: readonly Block[]) => all.map((block) => [titleOf(block), block] as const);

let world: World;
beforeAll(async () => {
  world = await createWorld(['@opentelemetry/api', 'pino', 'vitest', 'zod']);
});
afterAll(() => world.close());

it('there are programs', () => expect(blocks.length).toBeGreaterThan(10));

it.each(titled(blocks))('%s runs', async (_title, block) => {
  const { before = '', after = '', prints } = aroundOf(block);
  const [tokens, requests] = [world.ims.issuedTokens().length, world.api.requests.length];
  const home = await world.home();
  const source = `${before}\n${programIn(block)}\n${after}`;
  const { code } = await transform(source, { loader: 'ts', target: 'node20' });
  const program = await home.write('program.mjs', code);
  const ran = await home.run(process.execPath, [program]);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  if (prints !== undefined) expect(ran.stdout).toMatch(prints);
  if (/\bgetToken\(|\bfusion\(/.test(source)) expect(world.ims.issuedTokens().length).toBeGreaterThan(tokens);
  if (source.includes('fusion.adobe.io')) {
    const seen = world.api.requests.slice(requests);
    expect(seen.map(({ status }) => status)).toEqual(seen.map(() => 200));
    expect(seen).not.toEqual([]);
  }
});

it("the one of imsvault/aio gets a token at Adobe's own address", async () => {
  const hosts = await startAdobeHosts();
  try {
    const home = await world.home();
    const diff = blockOf('docs/migrate-from-aio-lib-core-auth.md', '+import { generateAccessToken }');
    const names = `const clientId = '${CLIENT_ID}', clientSecret = '${CLIENT_SECRET}', orgId = 'a@AdobeOrg', scopes = ['openid'];`;
    const program = await home.write('program.mjs', `${names}\n${programIn(diff)}\nconsole.log(access_token);`);
    const env = { HTTPS_PROXY: hosts.proxy, NODE_EXTRA_CA_CERTS: await home.write('ca.pem', hosts.ca) };
    const { stdout } = await home.run(process.execPath, [program], env);
    expect([stdout.trim()]).toEqual(hosts.issuedTokens());
  } finally {
    await hosts.close();
  }
});

it('the test of a program passes', async () => {
  const home = await world.home();
  await home.write('program.test.ts', blockOf('docs/testing.md', 'survives one bad minute').text);
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const ran = await home.run(process.execPath, [
    vitest,
    'run',
    '--root',
    home.folder,
    '--reporter=json',
    '--testTimeout=20000',
  ]);
  expect(JSON.parse(ran.stdout)).toMatchObject({ success: true, numPassedTests: 1 });
});

it('the provider of one’s own reads its store', async () => {
  const asked: string[] = [];
  const safe = createServer(({ url = '' }, response) => {
    asked.push(url);
    response.end(JSON.stringify({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET }));
  });
  await new Promise<void>((listening) => safe.listen(0, '127.0.0.1', listening));
  try {
    const origin = `http://127.0.0.1:${(safe.address() as AddressInfo).port}`;
    const home = await world.home();
    const module = 'node_modules/@acme/imsvault-provider-safe';
    await home.write(`${module}/package.json`, '{ "type": "module", "exports": "./index.js" }');
    const source = blockOf('docs/write-a-provider.md', 'defineProvider').text;
    await home.write(`${module}/index.js`, source.replace('https://safe.example.com', origin));
    const config = await home.write(
      'safe.yaml',
      blockOf('docs/write-a-provider.md', '@acme/imsvault-provider-safe').text,
    );
    const { code, stdout } = await home.run('imsvault', ['--config', config, 'doctor']);
    expect(code, stdout).toBe(0);
    expect(asked[0]).toBe('/team-a/ims/fusion');
  } finally {
    safe.close();
  }
});

/** The program; of a diff, what it becomes. */
const programIn = ({ language, text }: Block) =>
  language === 'diff' ? text.replace(/^-.*\n/gm, '').replace(/^[+ ]/gm, '') : text;

it('all programs have the types that the package gives', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'imsvault-docs-types-'));
  try {
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
    for (const block of [...blocks, ...allBlocks().filter(({ language }) => language === 'ts')]) {
      const name = `${block.page.replaceAll('/', '_')}-${block.line}.${block.language === 'ts' ? 'mts' : 'mjs'}`;
      await writeFile(join(folder, name), `${aroundOf(block).before ?? ''}\n${programIn(block)}`);
    }
    const options = {
      // Each program is a part of one.
      ...{ allowJs: true, checkJs: true, noImplicitAny: false, noUnusedLocals: false, noUnusedParameters: false },
      moduleDetection: 'force',
      paths: Object.fromEntries(Object.entries(ENTRIES).map(([entry, source]) => [entry, [join(ROOT, source)]])),
      typeRoots: [join(ROOT, 'node_modules/@types')],
    };
    const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions: options, include: ['*.mts', '*.mjs'] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', folder]).catch((error) => error);
    expect(stdout).toBe('');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
