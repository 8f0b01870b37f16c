import { describe, expect, it } from 'vitest';
import { createImsEmulator, type ImsAnswer } from '../../src/testing/index.js';
import { createManualClock } from '../support/manual-clock.js';

const PATH = '/console/organizations/1000001/credentials/2000002/secrets';
const CLIENT = 'emulator-client-id';
const SCOPE =
  'AdobeID,openid,read_organizations,additional_info.projectedProductContext,additional_info.roles,adobeio_api,read_client_secret,manage_client_secrets';

function setup() {
  const clock = createManualClock();
  const emulator = createImsEmulator({ clock });
  const exchange = (secret: string, scope = SCOPE) => {
    const form = { grant_type: 'client_credentials', client_id: CLIENT, client_secret: secret, scope };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = new URLSearchParams(form).toString();
    const reply = emulator.handle({ method: 'POST', path: '/ims/token/v3', headers, body }) as ImsAnswer;
    return { status: reply.status, token: (JSON.parse(reply.body) as { access_token: string }).access_token };
  };
  const ask = (method: string, below = '', headers: Record<string, string> = good(), body = '') => {
    const reply = emulator.handle({
      method,
      path: below.startsWith('/c') ? below : PATH + below,
      headers,
      body,
    }) as ImsAnswer;
    return {
      status: reply.status,
      body: reply.body === '' ? undefined : (JSON.parse(reply.body) as Record<string, unknown>),
    };
  };
  const good = (scope?: string) => ({
    authorization: `Bearer ${exchange('emulator-client-secret', scope).token}`,
    'x-api-key': CLIENT,
  });
  return { clock, emulator, exchange, ask, good };
}

describe("the emulator of Adobe's API for client secrets", () => {
  it('adds a secret whose value it gives once, and that works at the token endpoint until it is deleted', async () => {
    const { clock, emulator, exchange, ask } = setup();
    await clock.advance(5000);
    const { status, body } = ask('POST');
    expect(status).toBe(201);
    const { uuid, client_secret: secret } = body as { uuid: string; client_secret: string };
    const createdAt = clock.now();
    const before = ask('GET').body as { client_id: string; client_secrets: object[] };
    expect(before.client_id).toBe(CLIENT);
    expect(before.client_secrets[1]).toEqual({
      uuid,
      created_at: String(createdAt),
      expires_at: 'PERMANENT',
      secret_usages: null,
    });
    await clock.advance(1000);
    expect(exchange(secret).status).toBe(200);
    const after = ask('GET').body as { client_secrets: object[] };
    expect(after.client_secrets[1]).toMatchObject({
      secret_usages: [{ last_used_at: String(createdAt + 1000), grant_type: 'client_credentials' }],
    });
    expect(JSON.stringify(ask('GET').body)).not.toContain(secret);
    expect(emulator.clientSecrets(CLIENT)[1]).toMatchObject({ uuid, clientSecret: secret });

    const headers = setupHeaders();
    function setupHeaders() {
      return { authorization: `Bearer ${exchange(secret).token}`, 'x-api-key': CLIENT };
    }
    expect(ask('DELETE', `/${uuid}`, headers).status).toBe(204);
    expect(exchange(secret).status).toBe(400);
    // A token outlives the secret that it was issued for.
    expect(ask('GET', '', headers).status).toBe(200);
    expect(ask('DELETE', `/${uuid}`).status).toBe(404);
  });

  it('allows two at a time', () => {
    const { ask } = setup();
    expect(ask('POST').status).toBe(201);
    expect(ask('POST').status).toBe(400);
    expect(ask('GET').body?.client_secrets).toHaveLength(2);
  });

  it.each<[string, number, string | undefined, (bench: ReturnType<typeof setup>) => { status: number; body: unknown }]>(
    [
      ['without x-api-key', 403, '403000', ({ ask, good }) => ask('GET', '', { authorization: good().authorization })],
      [
        "with another client's x-api-key",
        403,
        '403003',
        ({ ask, good }) => ask('GET', '', { ...good(), 'x-api-key': 'x' }),
      ],
      ['without a token', 401, '401013', ({ ask }) => ask('GET', '', { 'x-api-key': CLIENT })],
      [
        'with a token of its own making',
        401,
        '401013',
        ({ ask }) => ask('GET', '', { authorization: 'Bearer x', 'x-api-key': CLIENT }),
      ],
      [
        'without a scope that writing needs',
        403,
        undefined,
        ({ ask, good }) => ask('POST', '', good(SCOPE.replace(',manage_client_secrets', ''))),
      ],
      [
        'without a scope that reading needs',
        403,
        undefined,
        ({ ask, good }) => ask('GET', '', good(SCOPE.replace(',read_client_secret', ''))),
      ],
      ['with a body', 400, undefined, ({ ask, good }) => ask('POST', '', good(), '{}')],
      ['by another method', 405, undefined, ({ ask }) => ask('PUT')],
      [
        'for another organisation',
        404,
        undefined,
        ({ ask }) => ask('GET', '/console/organizations/1/credentials/2000002/secrets'),
      ],
      [
        'for another credential',
        404,
        undefined,
        ({ ask }) => ask('GET', '/console/organizations/1000001/credentials/1/secrets'),
      ],
    ],
  )('refuses a request %s', (_name, status, code, request) => {
    const answer = request(setup());
    expect(answer.status).toBe(status);
    if (code !== undefined) expect(answer.body).toMatchObject({ error_code: code, message: expect.any(String) });
  });

  it('refuses a token that has expired or was revoked', async () => {
    const { clock, emulator, ask, good } = setup();
    const headers = good();
    emulator.revoke(headers.authorization.slice('Bearer '.length));
    expect(ask('GET', '', headers).status).toBe(401);
    const other = good();
    clock.jump(86_400_000);
    expect(ask('GET', '', other).status).toBe(401);
  });
});
