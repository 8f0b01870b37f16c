import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import { createTokenProvider } from '../../src/token-provider.js';
import { type Block, blockOf } from '../docs/blocks.js';
import { startOpenBao, type VaultServer } from '../live/servers/openbao.js';
import { findBinary } from '../live/servers/process.js';
import { describeWith } from './tools.js';

const units = fileURLToPath(new URL('../../infra/systemd/', import.meta.url));
const services = ['imsvault.service', 'imsvault-token.service'];
const read = (name: string) => readFileSync(join(units, name), 'utf8');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'imsvault-systemd-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeWith('systemd-analyze', 'the units', (analyze) => {
  it('say nothing that systemd does not understand', () => {
    const program = join(folder, 'imsvault');
    writeFileSync(program, '#!/bin/sh\n');
    chmodSync(program, 0o755);
    const names = [...services, 'imsvault-token.timer'];
    for (const name of names) writeFileSync(join(folder, name), read(name).replaceAll('/usr/bin/imsvault', program));
    // It warns on stderr, and ends with 0 all the same.
    const run = execFileSync(
      'sh',
      ['-c', '"$@" 2>&1', 'sh', 'systemd-analyze', 'verify', '--man=no', ...names.map((name) => join(folder, name))],
      { encoding: 'utf8' },
    );
    expect(run.split('\n').filter((line) => line.includes('imsvault'))).toEqual([]);
  });

  it.each([
    ['imsvault.service', 1.8],
    ['imsvault-token.service', 1.5],
  ])('expose %s no further than the guide says', (name, claimed) => {
    const report = analyze('security', '--offline=true', '--no-pager', join(units, name));
    const score = Number(/exposure level for [\w.-]+: (\d+\.\d+)/.exec(report)?.[1]);
    expect(score).toBeGreaterThan(0);
    expect(score).toBeLessThanOrEqual(claimed);
    expect(read('README.md')).toContain(String(claimed));
  });
});

describe('the units', () => {
  it('let V8 compile, and a child speak to systemd', () => {
    for (const name of services) expect(read(name)).not.toMatch(/^MemoryDenyWriteExecute/m);
    expect(read('imsvault.service')).toMatch(/^Type=notify$/m);
    expect(read('imsvault.service')).toMatch(/^NotifyAccess=all$/m);
    expect(read('imsvault.service')).toMatch(/^WatchdogSec=\d+s$/m);
  });

  it('keep the printed token out of the journal', () => {
    expect(read('imsvault-token.service')).toMatch(/^StandardOutput=null$/m);
  });

  it('name no secret', () => {
    for (const name of services) expect(read(name)).not.toMatch(/^(SetCredential|Environment=.*(SECRET|TOKEN))/m);
  });
});

describeWith('bao', 'the guide to the first secret, on OpenBao', () => {
  let vault: VaultServer;
  let ims: ImsEmulator;
  let credentials: string;
  let path: string;

  beforeAll(async () => {
    [vault, ims] = await Promise.all([startOpenBao(), createImsEmulator().start()]);
    credentials = join(folder, 'credentials');
    mkdirSync(credentials);
    path = `${dirname(findBinary('bao', 'IMSVAULT_TEST_BAO_BIN', ''))}${delimiter}${process.env.PATH}`;
    await vault.api('secret/data/ims/fusion', {
      data: { client_id: 'emulator-client-id', client_secret: 'emulator-client-secret' },
    });
  });
  afterAll(() => Promise.all([vault?.close(), ims?.stop()]));

  /** Runs a block of the guide with the server's folder put elsewhere. */
  function run({ text }: Block, env: Record<string, string> = {}): string {
    return execFileSync('sh', ['-euc', text.replaceAll('/etc/imsvault/credentials', credentials)], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: path, HOME: folder, BAO_ADDR: vault.address, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  it('brings a secret id to the server, with which imsvault gets a token and shares it', async () => {
    const administrator = { BAO_TOKEN: vault.adminToken };
    run(blockOf('infra/systemd/README.md', 'bao auth enable approle'), administrator);
    run(blockOf('infra/systemd/README.md', '-wrap-ttl=10m'), administrator);
    const wrapped = readFileSync(join(folder, 'wrapped'), 'utf8');
    const unwrap = blockOf('infra/systemd/README.md', 'bao unwrap');
    run(unwrap);
    for (const name of ['vault-role-id', 'vault-secret-id']) {
      expect((statSync(join(credentials, name)).mode & 0o777).toString(8)).toBe('600');
    }
    // The wrapping token has had its one use.
    writeFileSync(join(folder, 'wrapped'), wrapped);
    writeFileSync(join(folder, 'role-id'), '');
    const before = readFileSync(join(credentials, 'vault-secret-id'), 'utf8');
    run(unwrap);
    expect(readFileSync(join(credentials, 'vault-secret-id'), 'utf8')).toBe(before);

    const config = join(folder, 'imsvault.config.yaml');
    writeFileSync(config, read('imsvault.config.yaml').replaceAll('https://vault.example.com:8200', vault.address));
    const provider = createTokenProvider(config, {
      env: { CREDENTIALS_DIRECTORY: loaded(), IMSVAULT_IMS_TOKEN_ENDPOINT: ims.tokenEndpoint },
    });
    try {
      const { accessToken } = await provider.getToken();
      expect(ims.issuedTokens()).toEqual([accessToken]);
    } finally {
      await provider.close();
    }
    const { data } = await vault.api('secret/data/ims/fusion-token');
    expect(data).toMatchObject({ data: { client_id: 'emulator-client-id', generation: 1 } });
  });

  /** The credentials as LoadCredential shows those of a folder: its id, `_`, the file's name. */
  function loaded(): string {
    const shown = join(folder, 'shown');
    mkdirSync(shown);
    const id = /^LoadCredential=(\w+):\/etc\/imsvault\/credentials$/m.exec(read('imsvault.service'))?.[1];
    for (const name of ['vault-role-id', 'vault-secret-id']) {
      writeFileSync(join(shown, `${id}_${name}`), readFileSync(join(credentials, name)), { mode: 0o400 });
    }
    return shown;
  }
});
