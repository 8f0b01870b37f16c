import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImsEmulator, type ImsEmulator } from '../../../src/testing/index.js';
import { type EchoServer, startEchoServer } from './echo-server.js';
import { type Noisy, startNoisy } from './noisy.js';
import { collectEvidence, newMarker, newPlainMarker } from './scan.js';
import { type LeakStore, startStores } from './stores.js';

const CLIENT_ID = 'leak-test-client';
const credential = { clientId: CLIENT_ID, clientSecret: newMarker('client') };
/** Goes where odd characters cannot: debug ids, error codes. */
const plain = { clientId: 'leak-test-plain', clientSecret: newPlainMarker('client') };
const evidence = collectEvidence();
evidence.hide('client secret', credential.clientSecret, plain.clientSecret);

let noisy: Noisy;
let ims: ImsEmulator;
let echo: EchoServer;
const stores: Record<string, LeakStore> = {};
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const client = {
    clientId: CLIENT_ID,
    clientSecrets: [credential.clientSecret],
    consoleOrgId: '1000001',
    credentialId: '2000002',
  };
  [noisy, ims, echo] = await Promise.all([
    startNoisy(evidence),
    createImsEmulator({ clients: [client, { clientId: plain.clientId, clientSecrets: [plain.clientSecret] }] }).start(),
    startEchoServer(),
  ]);
  closers.push(
    () => noisy.remove(),
    () => ims.stop(),
    () => echo.close(),
  );
  for (const store of await startStores(evidence, noisy.home, credential, plain)) {
    stores[store.name] = store;
    closers.push(() => store.close());
  }
});
afterAll(async () => {
  for (const close of closers) await close();
});

const storeOf = (name: string) => stores[name] as LeakStore;
const rotation = () => ({ orgId: '1000001', credentialId: '2000002', endpoint: ims.url });
const configOf = (name: string, block: object, tokenEndpoint = ims.tokenEndpoint, more: object = {}) =>
  noisy.config(name, { ims: { tokenEndpoint }, credentials: block, rotation: rotation(), ...more });

function expectNone(): void {
  evidence.hide('access token', ...ims.issuedTokens());
  evidence.hide('client secret', ...ims.clientSecrets(CLIENT_ID).map(({ clientSecret }) => clientSecret));
  evidence.expectNone();
}

describe.each(['env', 'env, plain', 'file', 'vault', 'aws-secrets-manager', 'azure-key-vault'])('%s', (name) => {
  it('what works shows the token on stdout of `token`, and nothing else anywhere', async () => {
    const { block, env } = storeOf(name).works;
    const config = configOf(name, block);
    const token = await noisy.run(['token', '-c', config, '-o', 'json', '--debug'], { env, outlet: true });
    expect(token.code, token.stderr.slice(-2000)).toBe(0);
    evidence.hide('access token', ...ims.issuedTokens());
    evidence.expectOnly('stdout of imsvault token', token.stdout, 'access token');
    // From the cache file, by the way that loads nothing of the rest.
    const warm = await noisy.run(['token', '-c', config], { env, outlet: true });
    expect(ims.isIssued(warm.stdout.trim())).toBe(true);
    const rest = await Promise.all([
      noisy.run(['doctor', '-c', config, '-o', 'json', '--debug'], { env }),
      noisy.run(['status', '-c', config, '--debug'], { env }),
    ]);
    expect(rest.map(({ code }) => code)).toEqual([0, 0]);
    expectNone();
  });

  it('an IMS that repeats the request shows nothing', async () => {
    const { block, env } = storeOf(name).works;
    for (const status of [401, 503]) {
      echo.status = status;
      const config = configOf(`${name}-echo`, block, `${echo.url}/ims/token/v3`);
      const { code, stderr } = await noisy.run(
        ['token', '-c', config, '--no-cache', '--debug', '-o', status === 401 ? 'json' : 'raw'],
        { env },
      );
      expect(code, stderr.slice(-2000)).toBe(status === 401 ? 4 : 5);
    }
    expectNone();
  });

  it('what fails at the store shows nothing', async () => {
    const { fails, during = {} } = storeOf(name);
    for (const [failure, { block, env }] of Object.entries(fails)) {
      const undo = during[failure]?.();
      const config = configOf(`${name}-fails`, block);
      const { code, stderr } = await noisy.run(['token', '-c', config, '--no-cache', '--debug', '-o', 'json'], { env });
      undo?.();
      expect([3, 5], `${failure}: ${stderr.slice(-2000)}`).toContain(code);
    }
    expectNone();
  });
});

describe('the rest of the command line', () => {
  const works = () => storeOf('vault').works;
  const FILES_OF_THE_TEST =
    /^(home|cwd)\/(secret-id|wrong-secret-id|credential\.json|odd\.json|cut\.json|no-json\.json|planted\.mjs)$/;

  it('config and init, with mistakes in configs and proxies', async () => {
    const { block, env } = storeOf('azure-key-vault').works;
    const config = configOf('shown', block);
    for (const args of [['show'], ['validate'], ['show', '-o', 'json']]) {
      const { code } = await noisy.run(['config', ...args, '-c', config, '--debug'], { env });
      expect(code).toBe(0);
    }
    const { auth, ...vault } = works().block as { auth: object; address: string; path: string };
    const flags = ['--provider', 'vault', '--address', vault.address, '--path', vault.path, '--auth', 'approle'];
    const { roleId, secretIdFile } = auth as Record<string, string>;
    const login = ['--role-id', String(roleId), '--secret-id-file', String(secretIdFile)];
    await noisy.run([
      'init',
      '--yes',
      ...flags,
      ...login,
      '--output',
      'made.yaml',
      '--set',
      `ims.tokenEndpoint=${ims.tokenEndpoint}`,
    ]);
    expect(readFileSync(join(noisy.cwd, 'made.yaml'), 'utf8')).toContain('secretIdFile');

    const { clientSecret } = credential;
    const literal = noisy.config('literal', {
      credentials: {
        provider: 'vault',
        address: `https://u:${encodeURIComponent(clientSecret)}@x`,
        auth: { method: 'token', token: clientSecret },
        [clientSecret]: 1,
      },
    });
    // The test's own files are looked at too: these two hold the secret on purpose.
    for (const args of [
      ['config', 'validate', '-o', 'json'],
      ['token', '--debug'],
    ]) {
      expect((await noisy.run([...args, '-c', literal])).code).toBe(2);
    }
    writeFileSync(literal, '{}');
    const proxy = `http://user:${encodeURIComponent(clientSecret)}@127.0.0.1:1`;
    const behind = await noisy.run(['doctor', '-c', config, '--set', 'ims.tokenEndpoint=https://ims.example/x'], {
      env: { ...env, HTTPS_PROXY: proxy, https_proxy: proxy },
    });
    expect(behind.code).not.toBe(0);
    echo.status = 403;
    const probed = await noisy.run(['doctor', '-c', config, '--probe', '--probe-url', echo.url, '-o', 'json'], { env });
    expect(probed.stdout).toContain('probe');
    const odd = await noisy.run(['token', '-c', config], { env: { ...env, HTTPS_PROXY: `gopher:${clientSecret}@` } });
    expect(odd.code).toBe(2);
    expectNone();
  });

  it('the emulator takes secrets and shows none', async () => {
    const secretFile = join(noisy.home, 'secret-id');
    const secret = readFileSync(secretFile, 'utf8');
    const running = noisy.start(['emulator', '--client-id', 'leaky', '--client-secret-file', secretFile]);
    await expect.poll(() => running.output.stdout + running.output.stderr, { timeout: 20_000 }).toContain('Ctrl-C');
    const [endpoint = ''] = /http:\S+\/ims\/token\/v3/.exec(running.output.stdout + running.output.stderr) ?? [];
    for (const client_secret of [secret, credential.clientSecret]) {
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'leaky',
        client_secret,
        scope: 'openid',
      });
      const response = await fetch(endpoint, { method: 'POST', body });
      const { access_token: token } = (await response.json()) as { access_token?: string };
      expect(response.status).toBe(client_secret === secret ? 200 : 400);
      if (token !== undefined) evidence.hide('access token', token);
    }
    running.child.kill('SIGTERM');
    const { stdout, stderr } = await running.ended;
    evidence.see('stdout of the emulator', stdout);
    evidence.see('stderr of the emulator', stderr);
    expectNone();
  });

  it('exec gives the token to its program, and no login', async () => {
    const { block, env } = storeOf('aws-secrets-manager').works;
    const config = configOf('exec', block);
    const script =
      'process.stdout.write(JSON.stringify(process.env)); process.stdout.write(require("node:fs").readFileSync(process.env.TOKEN_FILE, "utf8")); setTimeout(() => process.exit(3), 100)';
    const args = [
      'exec',
      '-c',
      config,
      '--debug',
      '--env',
      'MINE',
      '--token-file-env',
      'TOKEN_FILE',
      '--',
      process.execPath,
      '-e',
      script,
    ];
    const { code, stdout } = await noisy.run(args, {
      env: { ...env, FUSION_CLIENT_SECRET: credential.clientSecret },
      outlet: true,
    });
    expect(code).toBe(3);
    evidence.hide('access token', ...ims.issuedTokens());
    const [variables = '', file = ''] = stdout.split('}');
    evidence.expectOnly('environment of what exec runs', variables, 'access token');
    evidence.expectOnly('token file of exec', file, 'access token');
    const missing = await noisy.run(['exec', '-c', config, '--debug', '--', './no-such-program'], { env });
    expect(missing.code).toBe(127);
    expectNone();
  });

  it('the agent and its fleet show tokens where they are declared, through bad days too', async () => {
    const { block, env } = works();
    const tokenStore = { ...block, path: 'ims/shared' };
    const sinks = [{ path: 'sink', format: 'json' }];
    const content = (endpoint: string, more: object = {}) => {
      const alone = { ims: { tokenEndpoint: endpoint }, credentials: block };
      const agent = { listen: ['127.0.0.1:0'], healthListen: ['127.0.0.1:0'], sinks, ...more };
      return { defaultProfile: 'fleet', profiles: { fleet: { ...alone, tokenStore }, alone }, agent };
    };
    const config = noisy.config('agent', content(ims.tokenEndpoint));
    const serving = noisy.start(['serve', '-c', config, '--debug', '--log-format', 'json', '--log-level', 'debug'], {
      env: {
        ...env,
        FUSION_CLIENT_SECRET: credential.clientSecret,
        NOTIFY_SOCKET: '/nowhere',
        WATCHDOG_USEC: '4000000',
      },
    });
    const logged = (text: string) => expect.poll(() => serving.output.stderr, { timeout: 20_000 }).toContain(text);
    await logged('sink-written');
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(serving.output.stderr.split('"listening"')[1] ?? '') ?? [];
    const keyFile = join(noisy.runtime, 'imsvault-agent-token');
    const key = readFileSync(keyFile, 'utf8').trim();
    evidence.hide("agent's access token", key);
    evidence.hide('access token', ...ims.issuedTokens());
    evidence.expectOnly("the agent's token file", readFileSync(keyFile, 'utf8'), "agent's access token");
    const ask = async (path: string, init: RequestInit = {}) => {
      const headers = { 'x-imsvault-token': key, ...(init.headers as Record<string, string>) };
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers });
      const text = await response.text();
      evidence.see(`headers of the agent's ${path}`, JSON.stringify([...response.headers]));
      return { status: response.status, text };
    };
    const { text: given } = await ask('/v1/token');
    evidence.expectOnly("the agent's /v1/token", given, 'access token');
    evidence.expectOnly('sink of the agent', readFileSync(join(noisy.cwd, 'sink'), 'utf8'), 'access token');
    evidence.expectOnly('token document', JSON.stringify(await storeOf('vault').read?.('ims/shared')), 'access token');

    const { text: held } = await ask('/v1/token?profile=alone');
    // From now on IMS repeats requests in its refusals.
    const { clientSecret } = credential;
    const form = new URLSearchParams({ client_secret: clientSecret }).toString();
    const refusal = { error: 'invalid_client', error_description: `${form} ${clientSecret}` };
    ims.fail({ kind: 'response', status: 400, body: JSON.stringify(refusal) });
    const { version } = JSON.parse(held) as { version: string };
    const renewed = await ask('/v1/token/renew?profile=alone', {
      method: 'POST',
      body: JSON.stringify({ rejected_version: version }),
    });
    evidence.see('answer of /v1/token/renew', renewed.text);
    expect(renewed.status).toBe(502);
    for (const path of ['/metrics', '/', '/livez', '/readyz', '/nowhere', '/login?code=x', '/v1/token?profile=x']) {
      evidence.see(`answer of ${path}`, (await ask(path)).text);
    }
    const link = await noisy.run(['status', '--web', '--agent', `127.0.0.1:${port}`, '--token-file', keyFile]);
    expect(link.code, link.stderr.slice(-500)).toBe(0);
    evidence.see(
      'status of the fleet',
      (await noisy.run(['status', '--all', '-c', config, '-o', 'json', '--debug'], { env })).stdout,
    );
    // A config that cannot be, one that can, and the end.
    writeFileSync(config, JSON.stringify(content(credential.clientSecret, { [credential.clientSecret]: 1 })));
    serving.child.kill('SIGHUP');
    await logged('config-refused');
    writeFileSync(config, JSON.stringify(content(ims.tokenEndpoint)));
    serving.child.kill('SIGHUP');
    await logged('config-reloaded');
    evidence.see('command line of the agent', readFileSync(`/proc/${serving.child.pid}/cmdline`, 'utf8'));
    serving.child.kill('SIGTERM');
    const { code, stdout, stderr } = await serving.ended;
    ims.clearFaults();
    expect(code).toBe(0);
    evidence.see('stdout of the agent', stdout);
    evidence.see('stderr of the agent', stderr);
    expectNone();
  });

  it('rotate stores the new client secret, and shows neither', async () => {
    const { block, env } = works();
    const config = configOf('rotate', block);
    const before = ims.clientSecrets(CLIENT_ID).map(({ clientSecret }) => clientSecret);
    for (const args of [['--dry-run'], ['--yes', '-o', 'json']]) {
      const { code, stderr } = await noisy.run(['rotate', '-c', config, '--debug', ...args], { env });
      expect(code, stderr.slice(-2000)).toBe(0);
    }
    const made = ims.clientSecrets(CLIENT_ID).map(({ clientSecret }) => clientSecret);
    expect(made.some((secret) => !before.includes(secret))).toBe(true);
    const refused = noisy.config('rotate-refused', {
      ims: { tokenEndpoint: ims.tokenEndpoint },
      credentials: block,
      rotation: { ...rotation(), endpoint: echo.url },
    });
    echo.status = 403;
    expect((await noisy.run(['rotate', '-c', refused, '--debug', '--yes', '-o', 'json'], { env })).code).not.toBe(0);
    expectNone();
    evidence.expectOnly('secret of a rotation', JSON.stringify(await storeOf('vault').read?.()), 'client secret');
    // The other stores go on with the first one.
    ims.setClientSecrets(CLIENT_ID, [credential.clientSecret, ...made]);
  });

  it('what is left behind: files, arguments of children, titles, reports, channels', () => {
    evidence.hide('access token', ...ims.issuedTokens());
    const cache = noisy.files().filter((path) => /^run\/imsvault\/[0-9a-f]{32}\.json$/.test(path));
    expect(cache.length).toBeGreaterThan(0);
    for (const path of cache) evidence.expectOnly('cache file', noisy.read(path), 'access token');
    // Of the agent, which had the client secret in its own environment.
    expect(noisy.files().filter((path) => /^notes\/child-\d+\.(args|environ)$/.test(path)).length).toBeGreaterThan(1);
    const declared = [...cache, 'run/imsvault-agent-token', 'cwd/sink'];
    noisy.seeFiles((path) => declared.includes(path) || FILES_OF_THE_TEST.test(path));
    expectNone();
    expect(noisy.files().filter((path) => path.startsWith('tmp/'))).toEqual([]);
  });

  it('every channel was looked at, for a leak that is planted in it is found', async () => {
    expect(noisy.heard()).toEqual(['azure', 'net', 'timer', 'tls', 'undici']);
    const planted = newMarker('planted');
    evidence.hide('planted secret', planted);
    writeFileSync(join(noisy.cwd, 'planted.mjs'), PLANT);
    await noisy.program(join(noisy.cwd, 'planted.mjs'), { env: { PLANTED: planted } });
    noisy.seeFiles((path) => FILES_OF_THE_TEST.test(path));
    const found = evidence.leaks().filter((leak) => leak.startsWith('planted secret'));
    for (const channel of [
      'stdout of ',
      'stderr of ',
      'file cwd/left-behind',
      'child-\\d+\\.args',
      'child-\\d+\\.environ',
    ]) {
      expect(
        found.some((leak) => new RegExp(` in .*${channel}`).test(leak)),
        channel,
      ).toBe(true);
    }
    const notes = noisy
      .files()
      .filter((path) => path.endsWith('.notes'))
      .map(noisy.read)
      .join('\n')
      .split('\n');
    const form = JSON.stringify(planted).slice(1, -1);
    for (const note of [
      'channel imsvault:token',
      'channel tracing:imsvault:exchange:start',
      'warning',
      'title',
      'command line',
    ]) {
      expect(
        notes.some((line) => line.startsWith(`${note}: `) && (line.includes(planted) || line.includes(form))),
        note,
      ).toBe(true);
    }
  });
});

/** Leaks by each way that the harness watches. */
const PLANT = `
import { channel, tracingChannel } from 'node:diagnostics_channel';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
const secret = process.env.PLANTED;
console.log(secret);
console.error(secret);
channel('imsvault:token').publish({ type: 'renewed', deep: { secret } });
tracingChannel('imsvault:exchange').traceSync(() => 1, { secret });
process.emitWarning(secret);
process.title = secret;
writeFileSync('left-behind', secret);
spawnSync('systemd-notify', [secret]);
`;
