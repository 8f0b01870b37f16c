import { describe, expect, it } from 'vitest';
import {
  type LoginExchange,
  loginExchanges,
  type PipelineClient,
  toPipelineClient,
} from '../../../providers/azure-key-vault/http-client.js';
import type { HttpClient, HttpRequest, HttpResponse } from '../../../src/net/http-client.js';
import { createManualClock, settle } from '../../support/manual-clock.js';

const ENTRA = 'https://login.example/tenant/oauth2/v2.0/token';
const IMDS = 'http://169.254.169.254/metadata/identity/oauth2/token';

function setup(answer: Partial<HttpResponse> | 'hang' | Error = {}) {
  const clock = createManualClock();
  const sent: (HttpRequest & { by: string })[] = [];
  const client = (by: string): HttpClient => ({
    async request(request) {
      sent.push({ ...request, by });
      if (answer === 'hang') return new Promise(() => undefined);
      if (answer instanceof Error) throw answer;
      return { status: 200, headers: {}, body: Buffer.from(''), ...answer };
    },
    connectAhead: async () => undefined,
    close: async () => undefined,
  });
  const pipeline = toPipelineClient(client('pool'), client('direct'), clock);
  const send = (url: string, change: object = {}) => {
    const headers = { 'accept-encoding': 'gzip,deflate', accept: 'application/json' };
    const request = { url, method: 'GET', headers: { toJSON: () => ({ ...headers }) }, timeout: 0, ...change };
    return pipeline.sendRequest(request as unknown as Parameters<PipelineClient['sendRequest']>[0]);
  };
  return { clock, sent, send };
}

async function recorded(work: () => Promise<unknown>): Promise<LoginExchange[]> {
  const exchanges: LoginExchange[] = [];
  await loginExchanges.run(exchanges, () => work().catch(() => undefined));
  return exchanges;
}

describe("the SDKs' HTTP client", () => {
  it('sends what it is given, but offers no compression', async () => {
    const { send, sent } = setup({ headers: { date: 'now' }, body: Buffer.from('{"a":1}') });
    const response = await send(ENTRA, { method: 'POST', body: 'a=b' });
    expect(sent).toEqual([
      {
        method: 'POST',
        url: ENTRA,
        headers: { accept: 'application/json' },
        body: 'a=b',
        signal: undefined,
        by: 'pool',
      },
    ]);
    expect(response.bodyAsText).toBe('{"a":1}');
    expect([response.headers.get('Date'), response.headers.has('x'), [...response.headers]]).toEqual([
      'now',
      false,
      [['date', 'now']],
    ]);
  });

  it('reaches plain http past every proxy, and only where the SDK allows it', async () => {
    const { send, sent } = setup();
    await send(IMDS, { allowInsecureConnection: true });
    expect(sent.map(({ by }) => by)).toEqual(['direct']);
    await expect(send(IMDS)).rejects.toThrow('refused to use plain http to 169.254.169.254');
    expect(sent).toHaveLength(1);
  });

  it("keeps the SDK's own time limit", async () => {
    const { send, clock } = setup('hang');
    const probe = send(IMDS, { allowInsecureConnection: true, timeout: 1000 });
    const outcome = probe.catch((error: Error) => error.name);
    await clock.advance(999);
    expect(await Promise.race([outcome, settle()])).toBeUndefined();
    await clock.advance(1);
    expect(await outcome).toBe('DeadlineExceeded');
  });

  it('records how a login went, in safe words', async () => {
    const { send } = setup({
      status: 401,
      headers: { 'x-ms-request-id': 'r1', 'retry-after': '3' },
      body: Buffer.from('{"error_description":"AADSTS7000215: Invalid client secret: entra~secret"}'),
    });
    expect(await recorded(() => send(ENTRA))).toEqual([
      {
        host: 'login.example',
        local: false,
        status: 401,
        aadsts: 'AADSTS7000215',
        requestId: 'r1',
        retryAfterMs: 3000,
      },
    ]);
  });

  it('records a failure, but not that of the probe for an identity endpoint', async () => {
    const failure = new Error('unreachable');
    const { send } = setup(failure);
    expect(await recorded(() => send(ENTRA))).toEqual([{ host: 'login.example', local: false, failure }]);
    expect(await recorded(() => send(IMDS, { allowInsecureConnection: true, timeout: 1000 }))).toEqual([]);
  });
});
