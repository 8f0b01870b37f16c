import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import type { ImsvaultConfig } from '../src/config/options.generated.js';
import type { HeldTokenStatus, TokenEvent } from '../src/index.js';
import type { ProviderOption } from '../src/provider-options.js';
import { createTokenProvider, type TokenProvider, type TokenProviderDeps } from '../src/token-provider.js';
import { CLIENT_ID, CLIENT_SECRET, emulated, workspace } from './cli/support.js';
import { expectNoSecrets } from './support/leaks.js';
import { createManualClock, settle } from './support/manual-clock.js';
import { cleanUps, until } from './testing/over-http.js';

const opened: TokenProvider[] = [];
afterEach(async () => {
  for (const provider of opened.splice(0)) await provider.close();
});

function open(config: string | ImsvaultConfig | undefined, deps: TokenProviderDeps): TokenProvider {
  const provider = createTokenProvider(config, deps);
  opened.push(provider);
  return provider;
}

/** What `FUSION_…` say comes by `env`, the endpoint by the config. */
async function setUp() {
  const { emulator } = await emulated();
  const env = { FUSION_CLIENT_ID: CLIENT_ID, FUSION_CLIENT_SECRET: CLIENT_SECRET };
  const { tokenEndpoint } = emulator;
  return { emulator, env, config: { ims: { tokenEndpoint, retry: { maxAttempts: 1 } } } satisfies ImsvaultConfig };
}

describe('arguments of another type', () => {
  it.each([[5], [null], [[]], [true], [() => ({})]])('a config %j', (config) => {
    expect(() => createTokenProvider(config as never)).toThrow(
      new TypeError("createTokenProvider takes a config file's path, a config object, or nothing"),
    );
  });

  it('know every option that there is', () => {
    expectTypeOf<ProviderOption>().toEqualTypeOf<keyof TokenProviderDeps>();
  });

  it.each([[5], [null], ['profile']])('dependencies %j', (deps) => {
    expect(() => createTokenProvider({}, deps as never)).toThrow(TypeError);
  });

  it.each([
    [
      { profil: 'prod' },
      'createTokenProvider has no option "profil"; it takes profile, env, cwd, onWarning, onEvent, clock, random',
    ],
    [{ profile: 5 }, 'profile must be a text'],
    [{ cwd: 5 }, 'cwd must be a text'],
    [{ env: 5 }, 'env must be an object of texts'],
    [{ onWarning: 'x' }, 'onWarning must be a function'],
    [{ onEvent: {} }, 'onEvent must be a function'],
    [{ random: 5 }, 'random must be a function'],
    [{ clock: {} }, 'clock must be an object with now, monotonic and setTimer'],
    [{ clock: { now: () => 0, monotonic: () => 0 } }, 'clock must be an object with now, monotonic and setTimer'],
  ])('options %j', (deps, message) => {
    expect(() => createTokenProvider({}, deps as never)).toThrow(new TypeError(message));
  });

  it('are refused by getToken before anything is opened', async () => {
    const provider = open('nowhere.yaml', { env: {} });
    await expect(provider.getToken({ signal: 5 } as never)).rejects.toThrow(
      new TypeError('signal must be an AbortSignal'),
    );
  });
});

describe('where the config comes from', () => {
  it('an object', async () => {
    const { emulator, env, config } = await setUp();
    const token = await open(config, { env }).getToken();
    expect(token.accessToken).toBe(emulator.issuedTokens()[0]);
    expect(token.clientId).toBe(CLIENT_ID);
    expectNoSecrets(token.toJSON(), [token.accessToken]);
  });

  it('a path, from the folder that is given', async () => {
    const { emulator, env, config } = await setUp();
    const cwd = await workspace();
    await writeFile(join(cwd, 'other.json'), JSON.stringify(config));
    expect((await open('other.json', { env, cwd }).getToken()).accessToken).toBe(emulator.issuedTokens()[0]);
    expect((await open(join(cwd, 'other.json'), { env }).getToken()).accessToken).toBe(emulator.issuedTokens()[1]);
  });

  it('a file that is found, or that a variable names', async () => {
    const { emulator, env, config } = await setUp();
    const found = await workspace(JSON.stringify(config));
    await open(undefined, { env, cwd: found }).getToken();
    const named = { ...env, IMSVAULT_CONFIG: join(found, 'imsvault.config.yaml') };
    await open(undefined, { env: named, cwd: await workspace() }).getToken();
    expect(emulator.exchanges).toBe(2);
  });

  it('the profile that is asked for, else the variable’s, else the default', async () => {
    const { emulator, env, config } = await setUp();
    const wrong = { credentials: { provider: 'env', clientId: 'NO_ID', clientSecret: 'NO_SECRET' } } as const;
    const profiles: ImsvaultConfig = { defaultProfile: 'wrong', profiles: { right: config, wrong } };
    await expect(open(profiles, { env }).getToken()).rejects.toMatchObject({ code: 'ERR_PROVIDER_NOT_CONFIGURED' });
    await open(profiles, { env, profile: 'right' }).getToken();
    await open(profiles, { env: { ...env, IMSVAULT_PROFILE: 'right' } }).getToken();
    const both = open(profiles, { env: { ...env, IMSVAULT_PROFILE: 'wrong' }, profile: 'right' });
    await both.getToken();
    expect(emulator.exchanges).toBe(3);
  });

  it('the environment that is given alone', async () => {
    const { config } = await setUp();
    vi.stubEnv('FUSION_CLIENT_ID', CLIENT_ID);
    vi.stubEnv('FUSION_CLIENT_SECRET', CLIENT_SECRET);
    try {
      await expect(open(config, { env: {} }).getToken()).rejects.toMatchObject({ code: 'ERR_PROVIDER_NOT_CONFIGURED' });
      await expect(open(config, {}).getToken()).resolves.toMatchObject({ clientId: CLIENT_ID });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('reports a bad config from getToken, and reads the mended file at the next one', async () => {
    const { emulator, env, config } = await setUp();
    const cwd = await workspace('ims: { tokenEndpont: x }\n');
    const provider = open('imsvault.config.yaml', { env, cwd });
    await expect(provider.getToken()).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      problems: [{ path: 'ims.tokenEndpont', source: 'imsvault.config.yaml:1' }],
    });
    await writeFile(join(cwd, 'imsvault.config.yaml'), JSON.stringify(config));
    expect((await provider.getToken()).accessToken).toBe(emulator.issuedTokens()[0]);
  });

  it('tells what is odd to onWarning, and throws it nowhere', async () => {
    const { env, config } = await setUp();
    const warnings: string[] = [];
    const odd = { ...env, IMSVAULT_IMS_ORG_IDD: 'x' };
    await open(config, { env: odd, onWarning: (message) => warnings.push(message) }).getToken();
    expect(warnings).toEqual([expect.stringContaining('IMSVAULT_IMS_ORG_IDD')]);

    const emitted = vi.spyOn(process, 'emitWarning').mockReturnValue();
    try {
      await open(config, { env: odd }).getToken();
      expect(emitted).toHaveBeenCalledWith(warnings[0], 'ImsvaultWarning');
    } finally {
      emitted.mockRestore();
    }
  });
});

describe('many callers', () => {
  it('share one exchange, cold as warm', async () => {
    const { emulator, env, config } = await setUp();
    const provider = open(config, { env });
    expect(provider.peekToken()).toBeUndefined();
    const tokens = await Promise.all(Array.from({ length: 1000 }, () => provider.getToken()));
    expect(new Set(tokens).size).toBe(1);
    expect(await provider.getToken()).toBe(tokens[0]);
    expect(provider.peekToken()).toBe(tokens[0]);
    expect(emulator.exchanges).toBe(1);
    expect(emulator.requests).toHaveLength(1);
  });

  it('get a new token by force, once for all', async () => {
    const { emulator, env, config } = await setUp();
    const provider = open(config, { env });
    const first = await provider.getToken();
    const forced = await Promise.all(Array.from({ length: 50 }, () => provider.getToken({ forceRenew: first })));
    expect(new Set(forced).size).toBe(1);
    expect(forced[0]).not.toBe(first);
    expect(emulator.exchanges).toBe(2);
  });

  it('of two providers share nothing', async () => {
    const { emulator, env, config } = await setUp();
    const [one, two] = [open(config, { env }), open(config, { env })];
    const [a, b] = await Promise.all([one.getToken(), two.getToken()]);
    expect(a.accessToken).not.toBe(b.accessToken);
    await one.close();
    expect(two.peekToken()).toBe(b);
    expect(await two.getToken()).toBe(b);
    expect(emulator.exchanges).toBe(2);
  });

  it('renew by the clock that is given', async () => {
    const { env, config } = await setUp();
    const clock = createManualClock(Date.now());
    const provider = open(config, { env, clock, random: () => 0 });
    const first = await provider.getToken();
    clock.jump(86_399_000);
    expect(provider.peekToken()).toBeUndefined();
    expect(await provider.getToken()).not.toBe(first);
  });
});

describe('the end', () => {
  const aborted = { code: 'ERR_ABORTED', retryable: false };

  it('before the first call: nothing was opened, and nothing is', async () => {
    const { emulator, env } = await setUp();
    const provider = createTokenProvider('nowhere.yaml', { env });
    await provider.close();
    await expect(provider.getToken()).rejects.toMatchObject(aborted);
    expect(emulator.requests).toEqual([]);
  });

  it('while the config is being read: the caller is told, and IMS is not asked', async () => {
    const { emulator, env, config } = await setUp();
    const provider = createTokenProvider(config, { env });
    const first = provider.getToken();
    const closing = provider.close();
    await expect(first).rejects.toMatchObject(aborted);
    await closing;
    await settle();
    expect(emulator.requests).toEqual([]);
  });

  it('during an exchange: everybody is told at once', async () => {
    const { emulator, env, config } = await setUp();
    emulator.fail({ kind: 'hang' });
    const provider = createTokenProvider(config, { env });
    const calls = [provider.getToken(), provider.getToken({ forceRenew: true })].map((call) => call.catch((e) => e));
    await until(() => emulator.requests.length > 0);
    await provider.close();
    for (const error of await Promise.all(calls)) expect(error).toMatchObject(aborted);
    await expect(provider.getToken()).rejects.toMatchObject(aborted);
    await provider.close();
  });

  it('ends the connection to IMS', async () => {
    const { emulator, env, config } = await setUp();
    const sockets: Socket[] = [];
    const server = createServer(async (request, response) => {
      const body = await text(request);
      const reply = emulator.handle({ method: 'POST', path: request.url ?? '', headers: request.headers, body });
      if (reply.kind === 'answer') response.writeHead(reply.status, reply.headers).end(reply.body);
    }).on('connection', (socket) => sockets.push(socket));
    // The server lets it live longer than this test.
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanUps.push(async () => server.close());
    const tokenEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ims/token/v3`;
    const provider = createTokenProvider({ ims: { ...config.ims, tokenEndpoint } }, { env });
    await provider.getToken();
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false]);
    await provider.close();
    await until(() => sockets.every(({ destroyed }) => destroyed));
  });

  it('with a token in hand: it is not handed out any more', async () => {
    const { env, config } = await setUp();
    const provider = createTokenProvider(config, { env });
    await provider.getToken();
    await provider.close();
    expect(provider.peekToken()).toBeUndefined();
    await expect(provider.getToken()).rejects.toMatchObject(aborted);
  });

  it('of one call by its signal leaves the others alone', async () => {
    const { emulator, env, config } = await setUp();
    const provider = open(config, { env });
    const reason = new Error('enough');
    await expect(provider.getToken({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const impatient = provider.getToken({ signal: controller.signal });
    const patient = provider.getToken();
    controller.abort(reason);
    await expect(impatient).rejects.toBe(reason);
    expect((await patient).accessToken).toBe(emulator.issuedTokens()[0]);
  });
});

describe('what is told', () => {
  it('an event for each exchange and renewal, and a status with counters', async () => {
    const { emulator, env, config } = await setUp();
    const events: TokenEvent[] = [];
    const provider = open(config, { env, onEvent: (event) => events.push(event) });
    expect(provider.status()).toMatchObject({ phase: 'none', renewing: false, counters: { renewed: 0 } });
    const token = await provider.getToken();
    await provider.getToken({ forceRenew: token });
    expect(events.map(({ type }) => type)).toEqual(['exchanged', 'renewed', 'exchanged', 'renewed']);
    expect(events[1]).toMatchObject({ source: 'env', clientId: CLIENT_ID, expiresAt: token.expiresAt });
    const status = provider.status();
    expect(status).toMatchObject({
      phase: 'fresh',
      token: { source: 'env', clientId: CLIENT_ID },
      counters: { exchanged: 2, renewed: 2, 'renewal-failed': 0 },
    });
    expectNoSecrets([events, status], [...emulator.issuedTokens(), CLIENT_SECRET]);
    // By type as well: whoever adds the token to a status breaks the build here.
    expectTypeOf<Extract<keyof HeldTokenStatus, 'accessToken' | 'token'>>().toEqualTypeOf<never>();
  });

  it('a failure to exchange, or to open the config', async () => {
    const { emulator, env, config } = await setUp();
    emulator.fail({ kind: 'unavailable' });
    const provider = open(config, { env });
    await provider.getToken().catch(() => undefined);
    expect(provider.status()).toMatchObject({
      phase: 'none',
      lastError: { code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryable: true },
      counters: { 'renewal-failed': 1 },
    });
    const unreadable = open('nowhere.yaml', { env });
    await unreadable.getToken().catch(() => undefined);
    expect(unreadable.status().lastError).toMatchObject({ code: 'ERR_CONFIG_INVALID', retryable: false });
  });

  it('to a listener that throws: the token comes all the same', async () => {
    const { emulator, env, config } = await setUp();
    const warnings: string[] = [];
    const onEvent = () => {
      throw new Error('from the listener');
    };
    const provider = open(config, { env, onEvent, onWarning: (message) => warnings.push(message) });
    expect((await provider.getToken()).accessToken).toBe(emulator.issuedTokens()[0]);
    expect(warnings).toEqual(['a listener of token events failed; its error is dropped']);
    expect(() => open(config, { onEvent: 5 as never })).toThrow(new TypeError('onEvent must be a function'));
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('from the logger');
      },
    ],
    ['rejects', () => Promise.reject(new Error('from the logger'))],
  ])('to an onWarning that %s: the token comes all the same', async (_title, fail) => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const { emulator, env, config } = await setUp();
    const onWarning = vi.fn(fail);
    const provider = open(config, { env: { ...env, IMSVAULT_IMS_ORG_IDD: 'x' }, onWarning });
    expect((await provider.getToken()).accessToken).toBe(emulator.issuedTokens()[0]);
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(onWarning).toHaveBeenCalledOnce();
    expect(unhandled).not.toHaveBeenCalled();
    expect(() => open(config, { onWarning: 5 as never })).toThrow(new TypeError('onWarning must be a function'));
  });

  it('nothing to a program that ignores all failures: none is unhandled', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const { emulator, env, config } = await setUp();
    const clock = createManualClock(Date.now());
    const provider = open(config, { env, clock, random: () => 0.5 });
    const first = await provider.getToken();
    emulator.fail({ kind: 'internal_error' });
    clock.jump(0.95 * 86_399_000);
    await clock.advance(60_000);
    await until(() => provider.status().counters['renewal-failed'] === 1);
    expect(await provider.getToken()).toBe(first);
    await provider.close();
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
