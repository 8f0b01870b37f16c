import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { cleanUps } from '../testing/over-http.js';
import { CLIENT_ID, emulated, run } from './support.js';

/** A stand-in for Workfront Fusion's API that gives one answer. */
async function fusion(status: number, body: string | object) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  cleanUps.push(stop);
  return { requests, stop, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function probe(url: string, ...args: string[]) {
  const { emulator, env } = await emulated();
  const { code, stdout } = await run(['doctor', '-o', 'json', '--probe', '--probe-url', url, ...args], { env });
  const { ok, steps } = JSON.parse(stdout) as { ok: boolean; steps: Record<string, unknown>[] };
  return { emulator, code, ok, step: steps.at(-1) };
}

describe('imsvault doctor --probe', () => {
  it('reads one scenario with the token', async () => {
    const api = await fusion(200, { scenarios: [] });
    const { emulator, code, step } = await probe(`${api.url}/`, '--organization-id', '42', '--gw-region', 'or2');
    expect(code).toBe(0);
    expect(step).toMatchObject({
      name: 'Fusion: probe',
      status: 'ok',
      detail: expect.stringContaining('the token works'),
    });
    expect(api.requests).toHaveLength(1);
    expect(api.requests[0]).toMatchObject({ method: 'GET', url: '/api/v3/scenarios?limit=1&orderby=%2Bid' });
    expect(api.requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${emulator.issuedTokens()[0]}`,
      'x-api-key': CLIENT_ID,
      'x-organization-id': '42',
      'x-gw-region': 'or2',
    });
  });

  it('reads nothing unless told to', async () => {
    const api = await fusion(200, {});
    const { env } = await emulated();
    const { code } = await run(['doctor', '--probe-url', api.url], { env });
    expect({ code, requests: api.requests.length }).toEqual({ code: 0, requests: 0 });
  });

  it.each([
    [403, { error_code: '403003', message: 'x' }, 4, 'not subscribed to this API'],
    [403, { error_code: '403000' }, 4, 'misses the API key'],
    [401, { error_code: 401013 }, 4, 'must belong to the same environment'],
    [400, { error_code: '400003' }, 4, '--organization-id'],
  ])('%i %j: exit %i, and what to do', async (status, body, exit, hint) => {
    const api = await fusion(status, body);
    const { code, ok, step } = await probe(api.url);
    expect({ code, ok }).toEqual({ code: exit, ok: false });
    expect(step?.detail).toContain(`answered ${status}, code ${body.error_code}`);
    const error = { code: 'ERR_TOKEN_REQUEST_REJECTED', hint: expect.stringContaining(hint) };
    expect(step).toMatchObject({ status: 'failed', error });
  });

  it('is unavailable on 500, 429 and silence of the port', async () => {
    for (const status of [500, 429]) {
      const api = await fusion(status, '<html>');
      const { code, step } = await probe(api.url);
      expect({ code, status: step?.status }).toEqual({ code: 5, status: 'failed' });
      expect(step?.error).toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryable: true });
    }
    const gone = await fusion(200, '');
    await gone.stop();
    expect(await probe(gone.url)).toMatchObject({ code: 5, step: { detail: expect.stringContaining('refused') } });
  });

  it('takes another 403 for a token that works and rights that are missing', async () => {
    const api = await fusion(403, { detail: 'no access' });
    const { code, ok, step } = await probe(api.url);
    expect({ code, ok }).toEqual({ code: 0, ok: true });
    expect(step).toMatchObject({ status: 'warning', detail: expect.stringContaining('add it to a team') });
  });

  it('repeats nothing of a strange answer', async () => {
    const api = await fusion(418, { error_code: '<b>1</b>', message: 'quotes' });
    const { code, step } = await probe(api.url);
    expect(code).toBe(4);
    expect(step?.detail).toMatch(/answered 418$/);
  });

  it('is skipped without a token', async () => {
    const api = await fusion(200, {});
    const { emulator, env } = await emulated();
    emulator.setClientSecrets(CLIENT_ID, ['another']);
    const { stdout } = await run(['doctor', '--probe', '--probe-url', api.url], { env });
    expect(stdout).toMatch(/– Fusion: probe +it needs a token/);
    expect(api.requests).toHaveLength(0);
  });
});
