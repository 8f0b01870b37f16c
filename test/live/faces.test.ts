import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { serve } from '../agent/serving.js';
import { expectNoSecrets } from '../support/leaks.js';
import { startAdobeHosts } from './servers/adobe-hosts.js';
import { EMULATOR_CLIENT, type ImsProcess, startImsProcess } from './servers/ims-process.js';
import { type InstalledPackage, installPackage, type Outcome, type RunOptions } from './servers/installed-package.js';
import { startOpenBao, type VaultServer } from './servers/openbao.js';
import { appRole, writeSecret } from './servers/vault-fixture.js';

const { client_id: CLIENT_ID, client_secret: CLIENT_SECRET } = EMULATOR_CLIENT;
const CONFIG = 'imsvault.config.yaml';
/** The same without a token store. */
const ALONE = 'alone.yaml';

let installed: InstalledPackage;
let bao: VaultServer;
let ims: ImsProcess;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  [installed, bao] = await Promise.all([installPackage(['node-vault']), startOpenBao()]);
  closers.push(() => bao.close());
  closers.push(() => installed.remove());
  ims = await startImsProcess(installed.bin, 86_399);
  closers.push(() => ims.stop());
  await writeSecret(bao, 'secret/data/ims/fusion', { data: EMULATOR_CLIENT });
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

/** Of what ended well, said nothing on stderr, and the client secret nowhere. */
function stdoutOf({ code, stdout, stderr }: Outcome): string {
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  expectNoSecrets(stdout, [CLIENT_SECRET]);
  return stdout;
}
const ran = async (args: string[], options?: RunOptions) => stdoutOf(await installed.imsvault(args, options));
/** What a program of test/live/programs tells, in JSON. */
const tell = async (program: string, args: string[] = [], options?: RunOptions) =>
  JSON.parse(stdoutOf(await installed.program(program, args, options)));

describe('the installed package', () => {
  it('init: without the grant it tells the policy and writes nothing; with that policy it writes the config', async () => {
    const { roleId, secretId } = await appRole(bao, 'ims');
    writeFileSync(join(installed.folder, 'secret-id'), secretId, { mode: 0o600 });
    const alone = [
      ...['init', '--yes', '--provider', 'vault', '--address', bao.address, '--path', 'ims/fusion'],
      ...['--auth', 'approle', '--role-id', roleId, '--secret-id-file', 'secret-id'],
      ...['--set', `ims.tokenEndpoint=${ims.tokenEndpoint}`, '--set', `rotation.endpoint=${ims.url}`],
      ...['--set', 'rotation.orgId=1000001', '--set', 'rotation.credentialId=2000002'],
    ];
    const args = [...alone, '--token-store', 'ims/shared'];
    const denied = await installed.imsvault(args);
    expect(denied.code, denied.stdout).toBe(3);
    expect(denied.stdout).toContain('Nothing was written.');
    expect(() => readFileSync(join(installed.folder, CONFIG))).toThrow('ENOENT');

    const [, policy = ''] = /renews tokens must be allowed, and no more:\n\n([\s\S]*?)\n\n/.exec(denied.stdout) ?? [];
    await bao.api('sys/policies/acl/ims', { policy });
    expect(await ran(args)).toContain('✓ vault: shape');
    const text = readFileSync(join(installed.folder, CONFIG), 'utf8');
    expectNoSecrets(text, [secretId, CLIENT_SECRET]);
    const auth = { method: 'approle', roleId, secretIdFile: 'secret-id' };
    const { credentials, tokenStore } = parse(text);
    expect(credentials).toEqual({ provider: 'vault', address: bao.address, path: 'ims/fusion', auth });
    expect(tokenStore).toEqual({ ...credentials, path: 'ims/shared' });
    await ran([...alone, '--output', ALONE]);
  });

  it('doctor: each step works; status --check: no token yet', async () => {
    const before = await installed.imsvault(['status', '--check', '--config', CONFIG]);
    expect(before.code, before.stdout + before.stderr).toBe(5);
    const { ok, steps } = JSON.parse(await ran(['doctor', '--config', CONFIG, '--output', 'json']));
    expect(ok).toBe(true);
    const names = [
      'config',
      'vault: open',
      'vault: login',
      'vault: read',
      'vault: shape',
      'token store',
      'IMS: network',
    ];
    expect(steps.map(({ name }: { name: string }) => name)).toEqual([...names, 'IMS: exchange']);
    expect(ims.exchanges()).toBe(1);
  });

  it('token: one token in every output, of one exchange, and the one in the store', async () => {
    const exchanges = ims.exchanges();
    const output = (name: string, more: string[] = [], stdin = '') =>
      ran(['token', '--config', CONFIG, '--output', name, ...more], { stdin });
    const raw = await output('raw');
    const token = raw.trimEnd();
    expect(raw).toBe(`${token}\n`);
    expect(await ims.isValid(token)).toBe(true);
    const json = JSON.parse(await output('json'));
    expect(json).toMatchObject({ access_token: token, client_id: CLIENT_ID, token_type: 'bearer' });
    const seconds = Math.floor(Date.parse(json.expires_at) / 1000);
    expect(await output('env')).toBe(`export FUSION_ACCESS_TOKEN=${token}\n`);
    expect(await output('header')).toBe(`Authorization: Bearer ${token}\n`);
    const k8s = JSON.parse(await output('k8s'));
    expect(k8s).toMatchObject({ kind: 'ExecCredential', status: { token } });
    expect(Date.parse(k8s.status.expirationTimestamp) / 1000).toBe(seconds);
    expect(JSON.parse(await output('azure'))).toMatchObject({ accessToken: token, expires_on: seconds });
    const git = ['--git-host', 'git.example.com', 'get'];
    expect(await output('git', git, 'protocol=https\nhost=git.example.com\n\n')).toBe(
      `username=${CLIENT_ID}\npassword=${token}\npassword_expiry_utc=${seconds}\n`,
    );
    expect(await output('git', git, 'protocol=https\nhost=other.example.com\n\n')).toBe('');
    expect(ims.exchanges() - exchanges).toBe(1);
    const { data } = (await bao.api('secret/data/ims/shared')) as { data: { data: Record<string, unknown> } };
    expect(data.data.access_token).toBe(token);
    expectNoSecrets(JSON.stringify(data), [CLIENT_SECRET]);
  });

  it('exec: the program has the token and no login, and its exit code is the one', async () => {
    const exchanges = ims.exchanges();
    const login = { VAULT_TOKEN: 'a-login', AWS_SECRET_ACCESS_KEY: 'another', FUSION_CLIENT_SECRET: CLIENT_SECRET };
    const script = 'console.log(JSON.stringify({ env: process.env, argv: process.argv.slice(1) })); process.exit(7)';
    const { code, stdout, stderr } = await installed.imsvault(
      ['exec', '--config', CONFIG, '--env', 'MINE', '--', process.execPath, '-e', script, '--', '--output', 'a b'],
      { env: { ...login, OTHER: 'stays' } },
    );
    expect({ code, stderr }).toEqual({ code: 7, stderr: '' });
    const { env, argv } = JSON.parse(stdout);
    expect(argv).toEqual(['--output', 'a b']);
    expect(env).toMatchObject({ MINE: (await ran(['token', '--config', CONFIG])).trim(), OTHER: 'stays' });
    expect(Object.keys(env).filter((name) => name in login)).toEqual([]);
    expect(ims.exchanges()).toBe(exchanges);
  });

  it('status: the shared token is usable; rotate --dry-run: tells the steps, changes nothing', async () => {
    await ran(['status', '--check', '--min-ttl', '10m', '--config', CONFIG]);
    const { profiles } = JSON.parse(await ran(['status', '--output', 'json', '--config', CONFIG]));
    expect(profiles).toMatchObject([{ usable: true, token_store: { generation: 1, token: { phase: 'fresh' } } }]);

    const before = await bao.api('secret/metadata/ims/fusion');
    const plan = JSON.parse(await ran(['rotate', '--dry-run', '--output', 'json', '--config', CONFIG]));
    expect(plan).toMatchObject({ dry_run: true, client_id: CLIENT_ID });
    expect(plan.steps.length).toBeGreaterThan(3);
    expect(await bao.api('secret/metadata/ims/fusion')).toMatchObject({ data: before.data });
    const secrets = '/console/organizations/1000001/credentials/2000002/secrets';
    expect(ims.requests().filter((request) => request.includes('/console/'))).toEqual([`GET ${secrets} → 200`]);
  });

  it('serve: over TCP and a socket, with the header; renews, reloads, keeps a file fresh, and stops', async () => {
    const short = await startImsProcess(installed.bin, 8);
    closers.push(() => short.stop());
    const { folder } = installed;
    const socket = join(folder, 'run/agent.sock');
    const sinks = (...names: string[]) => `  sinks: [${names.map((path) => `{ path: ${path} }`).join(', ')}]\n`;
    const text = `${readFileSync(join(folder, ALONE), 'utf8')}agent:\n  listen: [127.0.0.1:0, 'unix:${socket}']\n`;
    writeFileSync(join(folder, 'agent.yaml'), text + sinks('token-file'));
    const agent = serve({
      bin: installed.bin,
      cwd: folder,
      args: ['--config', 'agent.yaml'],
      env: { ...installed.env, XDG_RUNTIME_DIR: folder, IMSVAULT_IMS_TOKEN_ENDPOINT: short.tokenEndpoint },
      secrets: [CLIENT_SECRET],
    });
    await agent.event('sink-written');
    const { status, body: first } = await agent.get('/v1/token');
    expect({ status, ...first }).toMatchObject({ status: 200, client_id: CLIENT_ID, source: 'vault' });
    expect((await agent.get('/v1/token', socket)).status).toBe(200);
    const url = `http://127.0.0.1:${/127\.0\.0\.1:(\d+)/.exec(await agent.event('listening'))?.[1]}`;
    const refused = await fetch(`${url}/v1/token`);
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'ERR_AGENT_FORBIDDEN' } }]);
    for (const path of ['/livez', '/readyz']) expect((await fetch(url + path)).status, path).toBe(200);

    const renew = async () => {
      const headers = { 'x-imsvault-token': readFileSync(join(folder, 'imsvault-agent-token'), 'utf8').trim() };
      const rejected = JSON.stringify({ rejected_version: first.version });
      const response = await fetch(`${url}/v1/token/renew`, { method: 'POST', headers, body: rejected });
      expect(response.status).toBe(200);
      return ((await response.json()) as { access_token: string }).access_token;
    };
    const [renewed = '', again] = await Promise.all([renew(), renew()]);
    expect(renewed).toBe(again);
    expect(renewed).not.toBe(first.access_token);
    expect(await short.isValid(renewed)).toBe(true);

    const inFile = new Set<string>();
    for (let looks = 0; inFile.size < 3 && looks < 200; looks++) {
      const token = readFileSync(join(folder, 'token-file'), 'utf8');
      expect(await short.isValid(token), `look ${looks}`).toBe(true);
      inFile.add(token);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(inFile.size).toBe(3);
    const { text: metrics } = (await agent.get('/metrics')).body;
    expect(metrics).toContain('imsvault_token_usable{profile="default"} 1');
    expect(Number(/imsvault_renewals_total\{.*result="success"\} (\d+)/.exec(String(metrics))?.[1])).toBeGreaterThan(1);

    writeFileSync(join(folder, 'agent.yaml'), text + sinks('token-file', 'second'));
    await agent.event('config-reloaded');
    const reloads = agent.events('config-reloaded').length;
    agent.child.kill('SIGHUP');
    expect(await agent.event('config-reloaded', reloads + 1)).toContain('kept=1 opened=0 closed=0');
    await expect.poll(() => existsSync(join(folder, 'second'))).toBe(true);
    expect(await agent.stop()).toBe(0);
    expect(existsSync(socket)).toBe(false);
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  });

  it('library, imsvault/http and imsvault/otel: a token for an API that refuses it once', async () => {
    const exchanges = ims.exchanges();
    const { tokens, printed, ...told } = await tell('library.mjs', [ALONE]);
    expect(new Set(tokens).size).toBe(2);
    for (const token of tokens) expect(await ims.isValid(token)).toBe(true);
    expectNoSecrets(printed, tokens);
    const sent = (token: string) => ({ body: 'a body', authorization: `Bearer ${token}`, key: CLIENT_ID });
    expect(told).toEqual({
      active: false,
      warnings: ['no OpenTelemetry: ERR_MODULE_NOT_FOUND; it needs @opentelemetry/api 1.9 or newer'],
      events: ['exchanged', 'renewed', 'exchanged', 'renewed'],
      seen: tokens.map(sent),
      text: 'answer 2',
    });
    expect(ims.exchanges() - exchanges).toBe(2);
  });

  it('imsvault/aio: the token of Adobe’s own host, asked for once', async () => {
    const adobe = await startAdobeHosts();
    closers.push(() => adobe.close());
    writeFileSync(join(installed.folder, 'ca.pem'), adobe.ca);
    const env = { HTTPS_PROXY: adobe.proxy, NODE_EXTRA_CA_CERTS: join(installed.folder, 'ca.pem') };
    const { answers, refused } = await tell('aio.mjs', [CLIENT_ID, CLIENT_SECRET], { env });
    const [access_token] = adobe.issuedTokens();
    const answer = { access_token, token_type: 'bearer', expires_in: expect.any(Number) };
    expect(answers).toEqual([answer, answer, answer]);
    expect(refused).toEqual(['ERR_TOKEN_REQUEST_REJECTED', 'invalid_client']);
    const request = 'POST ims-na1.adobelogin.com/ims/token/v2';
    expect(adobe.requests).toEqual([`${request} 200`, `${request} 400`]);
  });

  it('imsvault/testing: an emulator in a program, whose faults the library outlives', async () => {
    expect(await tell('testing.mjs')).toEqual({ isIssued: true, statuses: [503, 200] });
  });

  it('completion bash: what Tab offers', async () => {
    const script = await ran(['completion', 'bash']);
    const tab = 'COMP_WORDS=(imsvault token --output j); COMP_CWORD=3; _imsvault; echo "${COMPREPLY[*]}"';
    expect(execFileSync('bash', ['-c', `${script}\n${tab}`], { encoding: 'utf8' })).toBe('json\n');
  });
});
