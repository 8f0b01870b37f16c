import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createAccessTokenGenerator } from '../../../src/aio/access-token-generator.js';
import { systemClock } from '../../../src/clock.js';
import { openCredentialSource } from '../../../src/config/open.js';
import { createSharedProviders } from '../../../src/config/provider-pool.js';
import { openTokenEngine } from '../../../src/engine/token-engine.js';
import { createTokenFetch } from '../../../src/http/index.js';
import { createTokenProvider, type ImsvaultConfig } from '../../../src/index.js';
import { registerOpenTelemetry } from '../../../src/observe/otel.js';
import { createImsEmulator, type ImsEmulator } from '../../../src/testing/index.js';
import { createTokenManager } from '../../../src/token/token-manager.js';
import { awsEnvironment } from '../../support/aws/environment.js';
import { stubBareEnvironment } from '../../support/azure/bare-environment.js';
import { type EchoServer, startEchoServer } from './echo-server.js';
import { collectEvidence, newMarker, newPlainMarker } from './scan.js';
import { type LeakStore, type Setting, startStores } from './stores.js';

const credential = { clientId: 'leak-test-client', clientSecret: newMarker('client') };
/** Goes where odd characters cannot: debug ids, error codes. */
const plain = { clientId: 'leak-test-plain', clientSecret: newPlainMarker('client') };
const evidence = collectEvidence();
evidence.hide('client secret', credential.clientSecret, plain.clientSecret);

let ims: ImsEmulator;
let echo: EchoServer;
let folder: string;
const stores: Record<string, LeakStore> = {};
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'imsvault-leak-'));
  const clients = [credential, plain].map(({ clientId, clientSecret }) => ({
    clientId,
    clientSecrets: [clientSecret],
  }));
  [ims, echo] = await Promise.all([createImsEmulator({ clients }).start(), startEchoServer()]);
  closers.push(
    () => ims.stop(),
    () => echo.close(),
    () => rmSync(folder, { recursive: true }),
  );
  for (const store of await startStores(evidence, folder, credential, plain)) {
    stores[store.name] = store;
    closers.unshift(() => store.close());
  }
});
afterAll(async () => {
  for (const close of closers) await close();
});
afterEach(() => vi.unstubAllEnvs());

/** All of imsvault's channels, into the evidence. */
function watchChannels(): () => void {
  const traced = ['exchange', 'store'].flatMap((name) =>
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((event) => `tracing:imsvault:${name}:${event}`),
  );
  const undo = ['imsvault:token', ...traced].map((name) => {
    const look = (message: unknown) => evidence.see(`channel ${name}`, message);
    subscribe(name, look);
    return () => unsubscribe(name, look);
  });
  return () => {
    for (const one of undo) one();
  };
}

function configOf({ block }: Setting, tokenEndpoint = ims.tokenEndpoint): ImsvaultConfig {
  const retry = { maxAttempts: 2, baseDelay: '1ms', maxDelay: '1ms', maxRetryAfter: 0 };
  return { ims: { tokenEndpoint, retry }, credentials: block } as unknown as ImsvaultConfig;
}

function environmentOf(name: string, { env }: Setting): Record<string, string> {
  if (name === 'azure-key-vault') stubBareEnvironment(folder);
  return name === 'aws-secrets-manager' ? awsEnvironment(env) : env;
}

/** A provider with all of its listeners in the evidence. */
function open(name: string, setting: Setting, tokenEndpoint?: string) {
  return createTokenProvider(configOf(setting, tokenEndpoint), {
    env: environmentOf(name, setting),
    cwd: folder,
    onWarning: (message) => evidence.see('warning', message),
    onEvent: (event) => evidence.see('event', event),
  });
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it should have failed'),
    (error: unknown) => error,
  );

function expectNone(): void {
  evidence.hide('access token', ...ims.issuedTokens());
  evidence.expectNone();
}

describe.each(['env', 'env, plain', 'file', 'vault', 'aws-secrets-manager', 'azure-key-vault'])('%s', (name) => {
  it('objects, events, channels and spans of what works', async () => {
    const stop = watchChannels();
    const spans = new InMemorySpanExporter();
    const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const meterProvider = new MeterProvider({
      readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
    });
    const telemetry = await registerOpenTelemetry({ tracerProvider, meterProvider });
    const setting = (stores[name] as LeakStore).works;
    const provider = open(name, setting);
    const token = await provider.getToken();
    await provider.getToken({ forceRenew: true });
    await meterProvider.forceFlush();
    expect(spans.getFinishedSpans().length).toBeGreaterThan(1);
    for (const { name: span, attributes, events, status } of spans.getFinishedSpans())
      evidence.see('span', { span, attributes, events, status });
    evidence.see('metrics', exporter.getMetrics());
    for (const [what, value] of Object.entries({
      provider,
      token,
      status: provider.status(),
      peeked: provider.peekToken(),
    }))
      evidence.see(what, value);
    evidence.see('token as a text', `${token} ${JSON.stringify({ token })}`);

    const deps = {
      clock: systemClock,
      random: Math.random,
      warn: (message: string) => evidence.see('warning', message),
    };
    const engine = await openTokenEngine(
      { config: configOf(setting), env: environmentOf(name, setting), cwd: folder },
      deps,
    );
    const pool = createSharedProviders(engine.openDeps).lease(engine.openDeps.baseDir);
    const source = openCredentialSource(engine.profile.credentials as never, engine.openDeps, pool);
    const { credential: read } = (await source.readCredential()) as unknown as { credential: unknown };
    const manager = createTokenManager({
      ...deps,
      renew: (request, closing) => engine.renew(request, closing),
      onEvent: (event) => evidence.see('event', event),
    });
    await manager.getToken();
    const { module: _code, ...shown } = engine.profile.credentials as unknown as Record<string, unknown>;
    const { env: _given, ...opened } = engine.openDeps as unknown as Record<string, unknown>;
    for (const [what, value] of Object.entries({
      source,
      read,
      manager,
      shown,
      opened,
      exchanger: engine.exchanger,
      http: engine.imsHttp,
      redacted: engine.profile.redacted(),
      origins: engine.profile.origins,
    }))
      evidence.see(what, value);
    manager.close();
    await Promise.all([provider.close(), engine.close(), pool.close()]);
    telemetry.unregister();
    await meterProvider.shutdown();
    stop();
    expectNone();
  });

  it('errors of an IMS that repeats the request', async () => {
    const stop = watchChannels();
    for (const status of [200, 204, 302, 400, 401, 403, 404, 429, 500, 503]) {
      echo.status = status;
      const provider = open(name, (stores[name] as LeakStore).works, `${echo.url}/ims/token/v3`);
      evidence.see(`error after ${status}`, await failureOf(provider.getToken()));
      evidence.see(`status after ${status}`, provider.status());
      await provider.close();
    }
    evidence.expectOnly('request to IMS', echo.received, 'client secret');
    stop();
    expectNone();
  });

  it('errors of the store', async () => {
    const stop = watchChannels();
    const { fails, during = {} } = stores[name] as LeakStore;
    for (const [failure, setting] of Object.entries(fails)) {
      const undo = during[failure]?.();
      const provider = open(name, setting);
      evidence.see(`error of ${failure}`, await failureOf(provider.getToken()));
      evidence.see(`status of ${failure}`, provider.status());
      await provider.close();
      undo?.();
      vi.unstubAllEnvs();
    }
    stop();
    expectNone();
  });
});

describe.each(['vault', 'aws-secrets-manager', 'azure-key-vault'])('a token shared in %s', (name) => {
  it('is in the document, and in nothing that is told of it', async () => {
    const stop = watchChannels();
    const { block, env } = (stores[name] as LeakStore).works;
    const tokenStore = {
      ...block,
      ...({ vault: { path: 'ims/shared' }, 'azure-key-vault': { secretName: 'ims-shared' } }[name] ?? {
        secretId: 'ims-shared',
      }),
    };
    const providers = [1, 2].map(() =>
      createTokenProvider({ ...configOf({ block, env }), tokenStore } as unknown as ImsvaultConfig, {
        env: environmentOf(name, { block, env }),
        cwd: folder,
        onWarning: (message) => evidence.see('warning', message),
        onEvent: (event) => evidence.see('event', event),
      }),
    );
    await Promise.all(providers.map((provider) => provider.getToken()));
    for (const provider of providers) {
      evidence.see('status', provider.status());
      await provider.close();
    }
    stop();
    expectNone();
  });
});

describe('a store that repeats the request', () => {
  const block = {
    provider: 'vault',
    path: 'ims/fusion',
    auth: { method: 'approle', roleId: 'role', secretId: '${SECRET_ID}' },
  };
  const aws = { provider: 'aws-secrets-manager', secretId: 'x', region: 'eu-west-1' };
  const setting = (kind: string): Setting =>
    kind === 'aws-secrets-manager'
      ? {
          block: { ...aws, endpoint: echo.url },
          env: {
            AWS_ACCESS_KEY_ID: 'AKIA',
            AWS_SECRET_ACCESS_KEY: newKey('AWS secret key'),
            AWS_SESSION_TOKEN: newKey('AWS session token'),
          },
        }
      : kind === 'vault by token'
        ? {
            block: { ...block, address: echo.url, auth: { method: 'token', token: '${SECRET_ID}' } },
            env: { SECRET_ID: newKey('vault token') },
          }
        : { block: { ...block, address: echo.url }, env: { SECRET_ID: newKey('secret-id') } };
  const newKey = (kind: string) => {
    const value = newMarker('x').replace(/[^\w-]/g, '');
    evidence.hide(kind, value);
    return value;
  };

  it.each(['vault by approle', 'vault by token', 'aws-secrets-manager'])('%s', async (kind) => {
    for (const status of [200, 302, 400, 403, 404]) {
      echo.status = status;
      const provider = open(kind, setting(kind));
      evidence.see(`${kind}: error after ${status}`, await failureOf(provider.getToken()));
      await provider.close();
    }
    evidence.expectNone();
  });
});

describe('the other faces of the library', () => {
  it('imsvault/aio: errors, and an answer with the token alone', async () => {
    const endpoints = (endpoint: string) => ({
      env: {},
      clock: systemClock,
      random: () => 0,
      warn: (message: string) => evidence.see('warning', message),
      endpoints: { prod: endpoint, stage: endpoint },
    });
    const params = { ...credential, orgId: 'ABC@AdobeOrg', scopes: ['openid'] };
    const working = createAccessTokenGenerator(endpoints(ims.tokenEndpoint));
    const answer = await working.generateAccessToken(params);
    evidence.hide('access token', ...ims.issuedTokens());
    evidence.expectOnly('answer of imsvault/aio', JSON.stringify(answer), 'access token');
    evidence.see('the generator', working);
    for (const status of [400, 401]) {
      echo.status = status;
      const broken = createAccessTokenGenerator(endpoints(`${echo.url}/ims/token/v3`));
      for (const one of [params, { ...params, ...plain }]) {
        evidence.see('error of aio', await failureOf(broken.generateAccessToken(one)));
      }
    }
    evidence.see(
      'error of bad params',
      await failureOf(
        working.generateAccessToken({
          clientId: credential.clientSecret,
          [credential.clientSecret]: 1,
          scopes: credential.clientSecret,
        } as never),
      ),
    );
    expectNone();
  });

  it('imsvault/http: the token goes to the API alone', async () => {
    const provider = open('env', (stores.env as LeakStore).works);
    const tokenFetch = createTokenFetch(provider, { allowedOrigins: [echo.url] });
    echo.status = 400;
    const given = await tokenFetch(`${echo.url}/api`);
    evidence.hide('access token', ...ims.issuedTokens());
    evidence.expectOnly('Authorization of imsvault/http', await given.text(), 'access token');
    evidence.see('the fetch', tokenFetch);
    evidence.see('error of another origin', await failureOf(tokenFetch('http://127.0.0.1:1/')));
    await provider.close();
    expectNone();
  });
});
