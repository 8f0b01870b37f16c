import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import { askConstantly, buildCommand, expectAllServed, serve } from '../agent/serving.js';
import { startOpenBao, type VaultServer } from './servers/openbao.js';

const CLIENT_SECRET = `p8e-${randomBytes(16).toString('hex')}`;
/** A test sees several lives of a token, and no more than these. */
const LIFE_SECONDS = 3;

describe('imsvault serve with OpenBao', () => {
  let bao: VaultServer;
  let ims: ImsEmulator;
  let built: Awaited<ReturnType<typeof buildCommand>>;
  const folders: string[] = [];
  let secretId = '';
  let roleId = '';

  beforeAll(async () => {
    built = await buildCommand(['undici', 'node-vault']);
    const clients = ['one', 'two'].map((clientId) => ({ clientId, clientSecrets: [CLIENT_SECRET] }));
    ims = await createImsEmulator({ clients, expiresInSeconds: LIFE_SECONDS }).start();
    bao = await startOpenBao();
    for (const clientId of ['one', 'two']) {
      await bao.api(`secret/data/ims/${clientId}`, { data: { client_id: clientId, client_secret: CLIENT_SECRET } });
    }
    await bao.api('sys/policies/acl/ims', {
      policy: `path "secret/data/ims/*" { capabilities = ["read"] }
path "secret/data/shared/*" { capabilities = ["create", "read", "update"] }`,
    });
    await bao.api('sys/auth/approle', { type: 'approle' });
    await bao.api('auth/approle/role/ims', { token_policies: 'ims', token_ttl: '1h' });
    roleId = ((await bao.api('auth/approle/role/ims/role-id')) as { data: { role_id: string } }).data.role_id;
    const { data } = (await bao.api('auth/approle/role/ims/secret-id', {})) as { data: { secret_id: string } };
    secretId = data.secret_id;
  });
  afterAll(async () => {
    await ims?.stop();
    await bao?.close();
    await built?.remove();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  /** As a container: a folder of its own, and nothing in it but the config and the login. */
  function machine() {
    const cwd = mkdtempSync(join(tmpdir(), 'imsvault-live-agent-'));
    folders.push(cwd);
    mkdirSync(join(cwd, 'out'));
    writeFileSync(join(cwd, 'secret-id'), secretId, { mode: 0o600 });
    const file = join(cwd, 'imsvault.config.json');
    const configure = (text: string) => {
      writeFileSync(`${file}.new`, text, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    };
    const start = (args: string[] = []) =>
      serve({
        bin: built.bin,
        cwd,
        args: ['-c', file, ...args],
        secrets: [CLIENT_SECRET, secretId, ...ims.issuedTokens()],
      });
    return { cwd, configure, start };
  }

  const profile = (path: string, more: object = {}) => ({
    ims: { tokenEndpoint: ims.tokenEndpoint },
    credentials: {
      provider: 'vault',
      address: bao.address,
      path: `ims/${path}`,
      auth: { method: 'approle', roleId, secretIdFile: 'secret-id' },
    },
    ...more,
  });
  const config = (profiles: object, sinks: object[] = []) =>
    JSON.stringify({ agent: { listen: ['127.0.0.1:0', 'unix:agent.sock'], sinks }, profiles });

  it('keeps files and answers fresh over many lives, through good and bad configs, and fails no request', async () => {
    const { cwd, configure, start } = machine();
    const sinks = [
      { path: 'out/one', profile: 'one' },
      { path: 'out/two.json', profile: 'two', format: 'json' },
    ];
    configure(config({ one: profile('one'), two: profile('two') }, sinks));
    const serving = start();
    await serving.event('sink-written', 2);
    const stops = ['one', 'two'].map((name) => askConstantly(serving, `/v1/token?profile=${name}`));
    const until = Date.now() + 4 * LIFE_SECONDS * 1000;
    const seen = new Set<string>();
    for (let turn = 0; Date.now() < until; turn++) {
      const raw = readFileSync(join(cwd, 'out/one'), 'utf8');
      const json = JSON.parse(readFileSync(join(cwd, 'out/two.json'), 'utf8'));
      expect(ims.isIssued(raw)).toBe(true);
      expect(Date.parse(json.expires_at)).toBeGreaterThan(Date.now());
      seen.add(raw);
      if (turn % 20 === 5) configure('{ "profiles": { "one": { "nope": 1 } } }');
      if (turn % 20 === 15)
        configure(config({ one: profile('one'), two: profile('two'), [`t${turn}`]: profile('two') }, sinks));
      if (turn % 10 === 5) serving.child.kill('SIGHUP');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(seen.size).toBeGreaterThanOrEqual(4);
    const answers = await Promise.all(stops.map((stop) => stop()));
    for (const of of answers) {
      expectAllServed(of);
      // Served with the life that the floor of a token asks for.
      expect(of.every(({ body }) => Number(body.expires_in) >= 0)).toBe(true);
    }
    expect(serving.events('config-refused').length).toBeGreaterThan(0);
    expect(serving.events('config-reloaded').length).toBeGreaterThan(0);
    expect((await serving.get('/v1/token?profile=one', join(cwd, 'agent.sock'))).status).toBe(200);
    expect(await serving.stop()).toBe(0);
  });

  it('--once, and then an agent beside another one, shares the token of the store', async () => {
    const store = {
      tokenStore: { provider: 'vault', path: `shared/${randomBytes(4).toString('hex')}` },
      // The shared token of all of these must live through the test.
      renewal: { softFractionMin: 0.9, softFractionMax: 0.9 },
    };
    const long = await createImsEmulator({ clients: [{ clientId: 'one', clientSecrets: [CLIENT_SECRET] }] }).start();
    try {
      const shared = { ...profile('one', store), ims: { tokenEndpoint: long.tokenEndpoint } };
      const machines = [machine(), machine(), machine()];
      for (const { configure } of machines) configure(config({ a: shared }, [{ path: 'out/a', profile: 'a' }]));
      const [first, second, third] = machines as [
        ReturnType<typeof machine>,
        ReturnType<typeof machine>,
        ReturnType<typeof machine>,
      ];
      expect(await first.start(['--once']).ended).toBe(0);
      const both = [second.start(), third.start()];
      await Promise.all(both.map((serving) => serving.event('sink-written')));
      const files = machines.map(({ cwd }) => readFileSync(join(cwd, 'out/a'), 'utf8'));
      expect(new Set(files)).toEqual(new Set(long.issuedTokens()));
      expect(long.exchanges).toBe(1);

      // A container that was killed comes back on another machine, and meets the same token.
      expect(await both[0]?.stop('SIGKILL')).toBe('SIGKILL');
      const again = machine();
      again.configure(config({ a: shared }, [{ path: 'out/a', profile: 'a' }]));
      const restarted = again.start();
      await restarted.event('sink-written');
      expect(readFileSync(join(again.cwd, 'out/a'), 'utf8')).toBe(files[0]);
      expect(long.exchanges).toBe(1);
      expect(await Promise.all([both[1]?.stop(), restarted.stop()])).toEqual([0, 0]);
    } finally {
      await long.stop();
    }
  });
});
