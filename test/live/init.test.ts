import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildProgram, type Program } from '../cli/program.js';
import { workspace } from '../cli/support.js';
import { expectNoSecrets } from '../support/leaks.js';
import { type VaultServer, vaultUnderTest } from './servers/openbao.js';
import { onTerminal } from './servers/terminal.js';
import { discard, newToken, prepare } from './servers/vault-fixture.js';

let program: Program;
let server: VaultServer;
let mount: string;
let token: string;
beforeAll(async () => {
  program = await buildProgram();
  await program.install('node-vault');
  server = await vaultUnderTest();
  const { mount: made, policy } = await prepare(server);
  mount = made;
  token = await newToken(server, { policies: [policy] });
});
afterAll(async () => {
  await discard(server);
  await program.remove();
});

const [ENTER, UP] = ['\r', '\x1b[A'];
const typed = (text: string) => [...text, ENTER];

describe.skipIf(process.platform === 'win32')('imsvault init on a terminal', () => {
  const env = () => ({
    PATH: process.env.PATH,
    TERM: 'xterm',
    VAULT_ADDR: server.address,
    VAULT_TOKEN: token,
    ...(server.caFile === undefined ? {} : { VAULT_CACERT: server.caFile }),
  });

  it('asks, tries the store, and writes what was answered', async () => {
    const cwd = await workspace();
    const erase = Array.from('secret', () => '\x7f');
    const steps: [string, string[]][] = [
      ['Address of the server', [ENTER]],
      ['Mount of the KV engine', [...erase, ...typed(mount)]],
      ['Path of the secret', typed('ims/fusion')],
      // The last choice: the list goes round.
      ['Login', [UP, ENTER]],
      ['Share one token', typed('ims/shared')],
    ];
    const { code, shown } = await onTerminal([process.execPath, program.bin, 'init', '--provider', 'vault'], steps, {
      cwd,
      env: env(),
    });
    expect(code, shown).toBe(0);
    expect(shown).toContain('✓ vault: shape');
    expect(shown).toContain(`path "${mount}/metadata/ims/shared"`);
    const store = { provider: 'vault', address: server.address, mount, path: 'ims/fusion', auth: { method: 'token' } };
    const text = readFileSync(join(cwd, 'imsvault.config.yaml'), 'utf8');
    expect(parse(text)).toEqual({ credentials: store, tokenStore: { ...store, path: 'ims/shared' } });
    expectNoSecrets(`${text}${shown}`, [token, 'live-secret']);
  });

  it.each([
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
  ])('%s at a question ends it, says so, and writes nothing', async (_name, key) => {
    const cwd = await workspace();
    const { code, shown } = await onTerminal([process.execPath, program.bin, 'init'], [['client secret?', [key]]], {
      cwd,
      env: env(),
    });
    expect(code).toBe(130);
    expect(shown).toContain('ERR_ABORTED: stopped; nothing was written.');
    expect(readdirSync(cwd)).toEqual(['.git']);
  });
});
