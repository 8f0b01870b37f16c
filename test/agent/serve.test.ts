import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CLIENT_ID, CLIENT_SECRET, emulated, workspace } from '../cli/support.js';
import { cleanUps, until } from '../testing/over-http.js';
import { askConstantly, buildCommand, expectAllServed, type ServeOptions, type Serving, serve } from './serving.js';

// Processes start, and some tests see several lives of a token.
vi.setConfig({ testTimeout: 30_000 });

let built: Awaited<ReturnType<typeof buildCommand>>;
beforeAll(async () => {
  built = await buildCommand();
});
afterAll(() => built.remove());

const ANY_PORT = 'agent: { listen: 127.0.0.1:0 }\n';

async function setUp(config: string, { expiresInSeconds }: { expiresInSeconds?: number } = {}) {
  const { emulator, env } = await emulated(expiresInSeconds === undefined ? {} : { expiresInSeconds });
  const cwd = await workspace();
  const file = join(cwd, 'imsvault.config.yaml');
  writeFileSync(file, config, { mode: 0o600 });
  const start = (args: string[] = [], given: Partial<ServeOptions> = {}) => {
    const serving = serve({ bin: built.bin, cwd, args: ['-c', file, ...args], env: { ...env, ...given.env } });
    cleanUps.push(async () => {
      for (const token of emulator.issuedTokens()) expect(serving.stderr()).not.toContain(token);
      expect(serving.stderr()).not.toContain(CLIENT_SECRET);
    });
    return serving;
  };
  return { emulator, env, cwd, file, start };
}

/** All at once: a config that is half written is another one. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

const tokenOf = async (serving: Serving, path = '/v1/token', socket?: string) =>
  (await serving.get(path, socket)).body.access_token;

describe('imsvault serve', () => {
  it('serves every profile over TCP and a Unix socket, and ends with 0 when it is stopped', async () => {
    const { emulator, start, cwd } = await setUp(
      'agent: { listen: [127.0.0.1:0, unix:agent.sock] }\ndefaultProfile: b\nprofiles: { a: {}, b: {} }\n',
    );
    const serving = start();
    await serving.event('token-renewed', 2);
    expect(emulator.exchanges).toBe(2);
    expect(await serving.get('/v1/token')).toMatchObject({
      status: 200,
      body: { access_token: expect.any(String), client_id: CLIENT_ID },
    });
    const [a, b] = [await tokenOf(serving, '/v1/token?profile=a'), await tokenOf(serving)];
    expect([...emulator.issuedTokens()].sort()).toEqual([a, b].sort());
    expect(await tokenOf(serving, '/v1/token', join(cwd, 'agent.sock'))).toBe(b);
    expect((await serving.get('/readyz')).status).toBe(200);
    expect(await serving.stop()).toBe(0);
    expect(readdirSync(cwd)).not.toContain('agent.sock');
    expect(serving.events('stopped')).toHaveLength(1);
    expect(emulator.exchanges).toBe(2);
  });

  it('serves the profiles that are asked for', async () => {
    const { start } = await setUp(`${ANY_PORT}profiles: { a: {}, b: {}, c: {} }\n`);
    const serving = start(['--profile', 'c', '-p', 'a']);
    expect(await serving.event('listening')).toContain('profiles=2');
    expect((await serving.get('/v1/token?profile=b')).status).toBe(404);
    expect((await serving.get('/v1/token?profile=c')).status).toBe(200);
  });

  it('ends with 2 and every problem when the config is bad, and when an address is taken', async () => {
    const { start, cwd } = await setUp(`${ANY_PORT}profiles: { a: { ims: { x: 1 } }, b: { ims: { y: 1 } } }\n`);
    const bad = start();
    expect(await bad.ended).toBe(2);
    expect(bad.stderr()).toMatch(/profiles\.a\.ims\.x[\s\S]*profiles\.b\.ims\.y/);
    writeFileSync(join(cwd, 'imsvault.config.yaml'), 'agent: { listen: unix:a.sock }\n');
    const first = start();
    await first.event('listening');
    const second = start();
    expect(await second.ended).toBe(2);
    expect(second.stderr()).toContain('another agent answers there');
    expect(await first.stop('SIGINT')).toBe(0);
  });

  it('starts again where another one was killed', async () => {
    const { start, cwd } = await setUp('agent: { listen: [unix:a.sock, 127.0.0.1:0] }\n');
    const first = start();
    await first.event('token-renewed');
    expect(await first.stop('SIGKILL')).toBe('SIGKILL');
    expect(readdirSync(cwd)).toContain('a.sock');
    const second = start();
    await second.event('token-renewed');
    expect(await tokenOf(second, '/v1/token', join(cwd, 'a.sock'))).toEqual(expect.any(String));
  });

  it('two of them on one machine do not meet', async () => {
    const { start, emulator, cwd } = await setUp(ANY_PORT);
    const both = [start(['--token-file', join(cwd, 'agent-token')]), start()];
    const tokens = await Promise.all(both.map((serving) => tokenOf(serving)));
    expect(new Set(tokens).size).toBe(2);
    expect(emulator.exchanges).toBe(2);
    expect(await Promise.all(both.map((serving) => serving.stop()))).toEqual([0, 0]);
  });

  it('goes on when a profile has no token, and gets it when that becomes possible', async () => {
    const { start, emulator } = await setUp(ANY_PORT);
    emulator.fail({ kind: 'unavailable' });
    const serving = start();
    await serving.event('token-renewal-failed');
    expect((await serving.get('/readyz')).status).toBe(503);
    emulator.clearFaults();
    await serving.event('token-renewed');
    expect((await serving.get('/readyz')).status).toBe(200);
  });

  it('lets a request under way end before it stops, and stops at once at a second signal', async () => {
    const { start, emulator } = await setUp(ANY_PORT);
    emulator.fail({ kind: 'latency', ms: 700 }, 1);
    const serving = start();
    await serving.event('listening');
    const asked = serving.get('/v1/token');
    await until(() => emulator.requests.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    serving.child.kill('SIGTERM');
    expect((await asked).status).toBe(200);
    expect(await serving.ended).toBe(0);

    emulator.fail({ kind: 'hang' });
    const stuck = start();
    await stuck.event('listening');
    const cut = stuck.get('/v1/token').catch(() => 'cut');
    await until(() => emulator.requests.length > 1);
    stuck.child.kill('SIGTERM');
    await stuck.event('stopping');
    stuck.child.kill('SIGTERM');
    expect(await stuck.ended).toBe('SIGTERM');
    expect(await cut).toBe('cut');
  });
});

describe('sinks', () => {
  it('hold a fresh token at every moment, of 3 seconds, in each format', async () => {
    const { start, emulator, cwd } = await setUp(
      `agent:
  listen: 127.0.0.1:0
  sinks:
    - { path: out/raw, mode: '0640' }
    - { path: out/token.json, format: json }
    - { path: out/token.env, format: env, variable: MY_TOKEN }
    - { path: out/dotenv, format: dotenv }
    - { path: out/page, template: page.eta }
`,
      { expiresInSeconds: 3 },
    );
    mkdirSync(join(cwd, 'out'));
    symlinkSync('/nowhere', join(cwd, 'out/raw'));
    writeFileSync(join(cwd, 'page.eta'), '<%= it.profile %>|<%= it.client_id %>|<%= it.access_token %>');
    const serving = start();
    await serving.event('sink-written', 5);
    const read = (name: string) => readFileSync(join(cwd, 'out', name), 'utf8');
    const seen = new Set<string>();
    const until10s = Date.now() + 7000;
    while (Date.now() < until10s) {
      const raw = read('raw');
      const { access_token: token, expires_at: expiresAt } = JSON.parse(read('token.json'));
      expect(emulator.isIssued(raw)).toBe(true);
      expect(emulator.isIssued(token)).toBe(true);
      expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now());
      expect(read('token.env')).toMatch(/^export MY_TOKEN=\S+\n$/);
      expect(read('dotenv')).toMatch(/^FUSION_ACCESS_TOKEN=\S+\n$/);
      expect(read('page')).toMatch(new RegExp(`^default\\|${CLIENT_ID}\\|\\S+$`));
      seen.add(raw);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(seen.size).toBeGreaterThanOrEqual(3);
    expect(statSync(join(cwd, 'out/raw')).mode & 0o777).toBe(0o640);
    expect(statSync(join(cwd, 'out/page')).mode & 0o777).toBe(0o600);
    expect(await serving.stop()).toBe(0);
    expect(readdirSync(join(cwd, 'out')).sort()).toEqual(['dotenv', 'page', 'raw', 'token.env', 'token.json']);
  });

  it('that cannot work are told of at the start, all at once', async () => {
    const { start, cwd } = await setUp(
      `agent:
  listen: 127.0.0.1:0
  sinks:
    - { path: nowhere/raw }
    - { path: folder }
    - { path: a, template: bad.eta }
    - { path: b, template: nowhere.eta }
    - { path: c, owner: no-such-user-here }
    - { path: c }
`,
    );
    mkdirSync(join(cwd, 'folder'));
    writeFileSync(join(cwd, 'bad.eta'), '<% if ( %>');
    const serving = start();
    expect(await serving.ended).toBe(2);
    for (const text of [
      'agent.sinks.0.path: ',
      '/nowhere/raw cannot be written (ENOENT)',
      'agent.sinks.1.path: ',
      'is not a file',
      'agent.sinks.2.template: ',
      'no valid eta template',
      'agent.sinks.3.template: ',
      'there is no such file',
      'agent.sinks.4.owner: no user of this name',
      'agent.sinks.5.path: is that of agent.sinks.4 too',
    ]) {
      expect(serving.stderr()).toContain(text);
    }
    expect(readdirSync(cwd).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('--once writes them and ends with 0, or with the code of what a profile failed with', async () => {
    const { start, emulator, cwd, file } = await setUp(
      'agent: { sinks: [{ path: a, profile: a }, { path: b, profile: b }] }\nprofiles: { a: {}, b: {} }\n',
    );
    expect(await start(['--once']).ended).toBe(0);
    const written = ['a', 'b'].map((name) => readFileSync(join(cwd, name), 'utf8'));
    expect(written.sort()).toEqual([...emulator.issuedTokens()].sort());
    expect(readdirSync(cwd)).not.toContain('imsvault-agent-token');

    const broken = `agent: { sinks: [{ path: a2, profile: a }] }
profiles: { a: {}, b: { credentials: { provider: env, clientSecret: UNSET_SECRET } } }\n`;
    writeFileSync(file, broken);
    const failing = start(['--once']);
    expect(await failing.ended).toBe(3);
    expect(emulator.isIssued(readFileSync(join(cwd, 'a2'), 'utf8'))).toBe(true);

    writeFileSync(file, 'profiles: { a: {} }\n');
    const nothing = start(['--once']);
    expect(await nothing.ended).toBe(2);
    expect(nothing.stderr()).toContain('agent.sinks: --once writes these, and there are none');
  });
});

describe('reload', () => {
  it('at SIGHUP keeps what is as it was, opens and closes the rest, and fails no request', async () => {
    const { start, emulator, file, cwd } = await setUp(`${ANY_PORT}profiles: { same: {}, changed: {}, removed: {} }\n`);
    const serving = start();
    await serving.event('token-renewed', 3);
    const same = await tokenOf(serving, '/v1/token?profile=same');
    const changed = await tokenOf(serving, '/v1/token?profile=changed');
    const stops = ['same', 'changed'].map((name) => askConstantly(serving, `/v1/token?profile=${name}`));

    replace(
      file,
      `agent: { listen: 127.0.0.1:0, sinks: [{ path: out, profile: same }] }
profiles: { added: {}, same: {}, changed: { ims: { scope: [openid] } } }\n`,
    );
    serving.child.kill('SIGHUP');
    expect(await serving.event('config-reloaded')).toContain('kept=1 opened=2 closed=2');
    await serving.event('token-renewed', 5);
    expect(await tokenOf(serving, '/v1/token?profile=same')).toBe(same);
    expect(await tokenOf(serving, '/v1/token?profile=changed')).not.toBe(changed);
    expect((await serving.get('/v1/token?profile=added')).status).toBe(200);
    expect((await serving.get('/v1/token?profile=removed')).status).toBe(404);
    await serving.event('sink-written');
    expect(readFileSync(join(cwd, 'out'), 'utf8')).toBe(same);

    replace(file, 'profiles: { same: { ims: { bad1: 1 } }, changed: { bad2: 1 } }\n');
    serving.child.kill('SIGHUP');
    const refused = await serving.event('config-refused');
    expect(refused).toContain('profiles.same.ims.');
    expect(refused).toContain('profiles.changed.');
    expect(await tokenOf(serving, '/v1/token?profile=same')).toBe(same);

    replace(file, 'agent: { listen: 127.0.0.1:1 }\nprofiles: { same: {}, changed: { ims: { scope: [openid] } } }\n');
    serving.child.kill('SIGHUP');
    expect(await serving.event('restart-needed')).toContain('agent.listen');
    for (const stop of stops) expectAllServed(await stop());
    expect(emulator.exchanges).toBe(5);
  });

  it('at a change of the file, and of a link on the way to it as in Kubernetes', async () => {
    const { start, cwd } = await setUp('');
    const mount = join(cwd, 'mount');
    const publish = (name: string, text: string) => {
      mkdirSync(join(mount, name), { recursive: true });
      writeFileSync(join(mount, name, 'imsvault.config.yaml'), text);
      symlinkSync(name, join(mount, '..tmp'));
      renameSync(join(mount, '..tmp'), join(mount, '..data'));
    };
    publish('..1', `${ANY_PORT}profiles: { a: {} }\n`);
    const file = join(mount, 'imsvault.config.yaml');
    symlinkSync('..data/imsvault.config.yaml', file);
    const serving = start(['-c', file]);
    await serving.event('listening');
    publish('..2', `${ANY_PORT}profiles: { a: {}, b: {} }\n`);
    expect(await serving.event('config-reloaded')).toContain('kept=1 opened=1 closed=0');
    writeFileSync(join(mount, '..2', 'imsvault.config.yaml'), `${ANY_PORT}profiles: { b: {} }\n`);
    expect(await serving.event('config-reloaded', 2)).toContain('kept=1 opened=0 closed=1');
  });

  it('runs the code of a config anew', async () => {
    const { start, cwd } = await setUp('');
    const file = join(cwd, 'config.mjs');
    const config = (names: string) =>
      `export default { agent: { listen: '127.0.0.1:0' }, profiles: Object.fromEntries('${names}'.split('').map((n) => [n, {}])) };\n`;
    writeFileSync(file, config('a'));
    const serving = start(['-c', file]);
    await serving.event('listening');
    replace(file, config('ab'));
    expect(await serving.event('config-reloaded')).toContain('kept=1 opened=1 closed=0');
  });
});
