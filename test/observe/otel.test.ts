import { AsyncLocalStorage } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Context, context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { tokenChannel } from '../../src/channels.js';
import { type OpenTelemetryOptions, registerOpenTelemetry } from '../../src/observe/otel.js';
import { createTokenProvider } from '../../src/token-provider.js';
import { CLIENT_ID, CLIENT_SECRET, emulated, workspace } from '../cli/support.js';
import { buildPackage } from '../support/built.js';
import { expectNoSecrets } from '../support/leaks.js';

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function setUp(options: OpenTelemetryOptions = {}) {
  const spans = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const registration = await registerOpenTelemetry({ tracerProvider, meterProvider, ...options });
  endings.push(() => meterProvider.shutdown(), registration.unregister);

  const { emulator } = await emulated();
  const env = { FUSION_CLIENT_ID: CLIENT_ID, FUSION_CLIENT_SECRET: CLIENT_SECRET };
  const ims = { tokenEndpoint: emulator.tokenEndpoint, retry: { maxAttempts: 2, baseDelay: '1ms', maxDelay: '1ms' } };
  const provider = createTokenProvider({ ims }, { env, cwd: await workspace() });
  endings.push(() => provider.close());

  /** The points of each metric, by its name. */
  async function metrics() {
    exporter.reset();
    await meterProvider.forceFlush();
    const found = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    return Object.fromEntries(
      found.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        { unit: descriptor.unit, points: dataPoints.map(({ value, attributes }) => ({ value, attributes })) },
      ]),
    );
  }
  return { emulator, provider, registration, spans, metrics };
}

describe('spans', () => {
  it('one for each request, with the attributes that OpenTelemetry names', async () => {
    const { emulator, provider, spans } = await setUp();
    await provider.getToken();
    const [read, exchange, ...rest] = spans.getFinishedSpans();
    expect(rest).toEqual([]);
    expect(read).toMatchObject({
      name: 'imsvault.store.read',
      kind: SpanKind.CLIENT,
      attributes: { 'imsvault.store.provider': 'env', 'imsvault.store.operation': 'read' },
    });
    const { hostname, port } = new URL(emulator.url);
    expect(exchange?.name).toBe('imsvault.exchange');
    expect(exchange?.attributes).toEqual({
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'server.address': hostname,
      'server.port': Number(port),
    });
    expect(exchange?.status.code).toBe(SpanStatusCode.UNSET);
    expect(exchange?.instrumentationScope.name).toBe('imsvault');
    const shown = spans
      .getFinishedSpans()
      .map(({ name, attributes, events, status }) => [name, attributes, events, status]);
    expectNoSecrets(JSON.stringify(shown), [CLIENT_SECRET, ...emulator.issuedTokens()]);
  });

  it('of a try that failed, and of the next', async () => {
    const { emulator, provider, spans } = await setUp();
    emulator.fail({ kind: 'unavailable' }, 1);
    await provider.getToken();
    const [failed, again] = spans.getFinishedSpans().filter(({ name }) => name === 'imsvault.exchange');
    expect(failed?.attributes).toMatchObject({
      'error.type': 'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
      'http.response.status_code': 503,
    });
    expect(failed?.status.code).toBe(SpanStatusCode.ERROR);
    expect(again?.attributes).toMatchObject({ 'http.request.resend_count': 1, 'http.response.status_code': 200 });
  });

  it('are children of what is active at the call', async () => {
    const storage = new AsyncLocalStorage<Context>();
    context.setGlobalContextManager({
      active: () => storage.getStore() ?? ROOT_CONTEXT,
      with: (active, work, self, ...args) => storage.run(active, () => work.call(self as never, ...args)),
      bind: (_context, target) => target,
      enable() {
        return this;
      },
      disable() {
        return this;
      },
    });
    endings.push(() => context.disable());
    const { provider, spans } = await setUp();
    const parent = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
    await context.with(trace.setSpanContext(context.active(), parent), () => provider.getToken());
    expect(spans.getFinishedSpans().map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
      Array(2).fill(parent.spanId),
    );
  });
});

describe('metrics', () => {
  it('the expiry, the renewals, and how long requests took', async () => {
    const { emulator, provider, metrics } = await setUp();
    const first = await provider.getToken();
    const token = await provider.getToken({ forceRenew: first });
    emulator.setClientSecrets(CLIENT_ID, ['another']);
    await provider.getToken({ forceRenew: token }).catch(() => undefined);
    const seen = await metrics();
    expect(seen['imsvault.token.expiry_timestamp']).toEqual({
      unit: 's',
      points: [{ value: token.expiresAt / 1000, attributes: { 'imsvault.client_id': CLIENT_ID } }],
    });
    expect(seen['imsvault.token.renewals']?.points).toEqual([
      { value: 2, attributes: { 'imsvault.source': 'env' } },
      { value: 1, attributes: { 'error.type': 'ERR_TOKEN_REQUEST_REJECTED' } },
    ]);
    expect(seen['imsvault.token.events']?.points).toEqual([
      { value: 2, attributes: { 'imsvault.event': 'exchanged' } },
    ]);
    const requests = seen['http.client.request.duration'];
    expect(requests).toMatchObject({
      unit: 's',
      points: [
        { value: { count: 2 }, attributes: { 'http.response.status_code': 200, 'server.address': '127.0.0.1' } },
        { attributes: { 'http.response.status_code': 400, 'error.type': 'ERR_TOKEN_REQUEST_REJECTED' } },
      ],
    });
    const { sum, buckets } = (requests?.points[0]?.value ?? {}) as Partial<Histogram>;
    expect(sum).toBeGreaterThan(0);
    expect(sum).toBeLessThan(10);
    expect(buckets?.boundaries[0]).toBe(0.005);
    expect(seen['imsvault.store.duration']?.points).toMatchObject([
      { attributes: { 'imsvault.store.provider': 'env', 'imsvault.store.operation': 'read' } },
    ]);
  });

  it('end with the registration', async () => {
    const { provider, registration, spans } = await setUp();
    expect(registration.active).toBe(true);
    registration.unregister();
    await provider.getToken();
    expect(spans.getFinishedSpans()).toEqual([]);
    expect(tokenChannel.hasSubscribers).toBe(false);
  });
});

describe('never fails', () => {
  it('where an SDK throws: the token comes, and one warning', async () => {
    const onWarning = vi.fn();
    const broken = () => {
      throw new Error('from the SDK');
    };
    const tracerProvider = { getTracer: () => ({ startSpan: broken, startActiveSpan: broken }) };
    const uncaught = vi.fn();
    process.on('uncaughtException', uncaught);
    endings.push(() => process.off('uncaughtException', uncaught));
    const { emulator, provider } = await setUp({ tracerProvider, onWarning });
    expect((await provider.getToken()).accessToken).toBe(emulator.issuedTokens()[0]);
    expect(onWarning.mock.calls).toEqual([['OpenTelemetry failed on a span or a metric; its error is dropped']]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(uncaught).not.toHaveBeenCalled();
  });

  it('where the API is older than what it needs', async () => {
    const onWarning = vi.fn();
    const meterProvider = { getMeter: () => ({ createHistogram: () => ({ record: () => undefined }) }) as never };
    const { active } = await registerOpenTelemetry({ meterProvider, onWarning });
    expect(active).toBe(false);
    expect(onWarning).toHaveBeenCalledTimes(1);
  });

  it('where the listener of warnings fails', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    endings.push(() => process.off('unhandledRejection', unhandled));
    const meterProvider = { getMeter: () => ({}) as never };
    const throwing = vi.fn(() => {
      throw new Error('from the logger');
    });
    const rejecting = vi.fn(() => Promise.reject(new Error('from the logger')));
    for (const onWarning of [throwing, rejecting]) {
      expect(await registerOpenTelemetry({ meterProvider, onWarning })).toMatchObject({ active: false });
      expect(onWarning).toHaveBeenCalledOnce();
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('where the API is not installed', async () => {
    const built = await buildPackage({ otel: 'src/observe/otel.ts' });
    endings.push(() => built.remove());
    const program = `
      const { registerOpenTelemetry } = await import(process.argv[1]);
      const registration = await registerOpenTelemetry({ onWarning: console.log });
      registration.unregister();
      console.log(registration.active);`;
    const run = async () => {
      const args = ['--input-type=module', '-e', program, built.file('otel')];
      return (await promisify(execFile)(process.execPath, args)).stdout;
    };
    expect(await run()).toBe(
      'no OpenTelemetry: ERR_MODULE_NOT_FOUND; it needs @opentelemetry/api 1.9 or newer\nfalse\n',
    );
    await built.install('@opentelemetry/api');
    expect(await run()).toBe('true\n');
  });
});
