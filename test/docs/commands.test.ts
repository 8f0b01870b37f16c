import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../live/servers/process.js';
import { type Block, blockOf, ROOT, titleOf } from './blocks.js';
import { CLIENT_ID, createWorld, type Home, hasProgram, type World } from './scratch.js';
import { runCommands } from './shell.js';
import { blocksFor } from './sorting.js';

let world: World;
let home: Home;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

/** CI has both. */
const withCurl = it.skipIf(!hasProgram('curl'));
const withGit = it.skipIf(!hasProgram('git'));
const itWith = (text: string) => (/\bcurl /.test(text) ? withCurl : /\bgit /.test(text) ? withGit : it);

for (const block of blocksFor('command')) {
  itWith(block.text)(`${titleOf(block)}: each command ends well`, async () => {
    await runCommands(block, await world.home());
  });
}

/** Runs a block with a home of its own, and gives what it printed and the tokens that came meanwhile. */
async function run(block: Block, shell: Parameters<typeof runCommands>[2] = {}, made = world.home()) {
  home = await made;
  const before = world.ims.issuedTokens().length;
  const { stdout } = await runCommands(block, home, shell);
  return { stdout: stdout.trim(), tokens: world.ims.issuedTokens().slice(before) };
}

/** A home with the files of an example. */
async function homeWith(folder: string): Promise<Home> {
  const made = await world.home();
  await cp(join(ROOT, folder), made.folder, { recursive: true });
  return made;
}

const STUB = '#!/bin/sh\nset -eu\nunset FUSION_CLIENT_ID\n! env | grep -q CLIENT_SECRET\n';

describe('the first steps', () => {
  it('token', async () => {
    const { stdout, tokens } = await run(blockOf('README.md', 'export FUSION_ACCESS_TOKEN=$(npx imsvault token)'), {
      after: 'echo "$FUSION_ACCESS_TOKEN"',
    });
    expect([stdout]).toEqual(tokens);
  });

  it('doctor, token, status, rotate', async () => {
    const block = blockOf('README.md', 'imsvault rotate --dry-run');
    const made = await world.home();
    await cp(join(ROOT, 'test/docs/file-store.mjs'), join(made.folder, 'file-store.mjs'));
    await made.write('secret.json', JSON.stringify({ client_id: CLIENT_ID, client_secret: 'emulator-client-secret' }));
    const IMSVAULT_CONFIG = await made.write(
      'named.yaml',
      `credentials: { provider: ./file-store.mjs, file: secret.json }
rotation: { orgId: 1000001, credentialId: 2000002, endpoint: "${world.ims.url}" }\n`,
    );
    const { stdout } = await run(block, { env: { IMSVAULT_CONFIG } }, Promise.resolve(made));
    expect(stdout).toContain('✓ IMS: exchange');
    expect(stdout).toContain('"access_token":');
  });

  it('init', async () => {
    const { stdout, tokens } = await run(blockOf('infra/README.md', 'npx imsvault init'), {
      before: 'rm imsvault.config.yaml',
      replace: { 'imsvault init': 'imsvault init --yes --provider env' },
    });
    expect(stdout).toContain(tokens.at(-1));
  });
});

describe('a program with a token', () => {
  it.each([blockOf('README.md', 'npx imsvault exec'), blockOf('docs/exec.md', '--on-renew restart')])(
    '$page',
    async (block) => {
      const made = await world.home();
      await made.write('import-scenarios', `${STUB}echo "$FUSION_ACCESS_TOKEN"\n`, 0o700);
      await made.write('reads-it-once', `${STUB}echo "$FUSION_ACCESS_TOKEN"\n`, 0o700);
      await made.write('long-running', `${STUB}cat "$TOKEN_FILE"; echo\n`, 0o700);
      const { stdout, tokens } = await run(block, {}, Promise.resolve(made));
      // One exchange: the calls share the cache.
      expect(tokens).toHaveLength(1);
      expect(new Set(stdout.split(/\s+/))).toEqual(new Set(tokens));
    },
  );

  withGit('git asks for one', async () => {
    const { stdout, tokens } = await run(blockOf('docs/cli.md', 'git config'), {
      before: 'git init --quiet .',
      after: "printf 'protocol=https\\nhost=git.example.com\\n\\n' | git credential fill",
    });
    expect(stdout).toContain(`username=${CLIENT_ID}\npassword=${tokens[0]}`);
  });
});

describe('the agent', () => {
  withCurl.each([blockOf('README.md', 'imsvault serve'), blockOf('docs/agent.md', '$ imsvault serve')])(
    '$page',
    async (block) => {
      const port = String(await freePort());
      const { stdout, tokens } = await run(block, {
        replace: {
          'imsvault serve': `imsvault serve --listen 127.0.0.1:${port}`,
          'http://127.0.0.1:7717': `http://127.0.0.1:${port}`,
        },
      });
      expect(stdout).toContain(tokens[0]);
    },
  );
});

describe('the emulator', () => {
  withCurl('answers curl', async () => {
    const port = String(await freePort());
    const { stdout } = await run(blockOf('docs/testing.md', 'curl'), { replace: { 8080: port } });
    expect(JSON.parse(stdout)).toMatchObject({ token_type: 'bearer', expires_in: 300 });
  });

  withCurl('throttles', async () => {
    await run(blockOf('docs/testing.md', '--fault throttled:120'), {
      after: `url=$(grep -o 'http://127.0.0.1:[0-9]*' "$served" | head -1)
curl -s -o /dev/null -w '%{http_code} %header{retry-after}\\n' "$url/ims/token/v3" -d grant_type=client_credentials | grep -x '429 120'`,
    });
  });
});

describe('the examples', () => {
  it('a provider of one’s own', async () => {
    const made = homeWith('examples/custom-provider');
    const { stdout } = await run(blockOf('examples/custom-provider/README.md', 'config validate'), {}, made);
    expect(stdout).toContain('✓');
  });

  it('Fusion', async () => {
    const made = homeWith('examples/fusion-api');
    const { stdout } = await run(blockOf('examples/fusion-api/README.md', 'node scenarios.mjs'), {}, made);
    expect(stdout).toMatch(/^200 /);
    expect(world.api.requests.at(-1)?.headers).toMatchObject({ 'x-organization-id': '12345', 'x-gw-region': 'or2' });
  });

  it('the rotation function is built', async () => {
    const { stdout } = await run(blockOf('infra/lambda/README.md', 'rotation/build.mjs'), {
      before: 'ln -s "$IMSVAULT_REPOSITORY/infra" infra',
    });
    expect(stdout).toContain('rotation.zip');
  });
});
