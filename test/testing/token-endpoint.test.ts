import { describe, expect, it } from 'vitest';
import { createImsEmulator, type ImsEmulatorOptions, type ImsReply } from '../../src/testing/index.js';
import { createManualClock } from '../support/manual-clock.js';

const FORM = 'application/x-www-form-urlencoded';
const GOOD = {
  grant_type: 'client_credentials',
  client_id: 'emulator-client-id',
  client_secret: 'emulator-client-secret',
  scope: 'openid,AdobeID,profile,additional_info.projectedProductContext',
};

function setUp(options: ImsEmulatorOptions = {}) {
  const emulator = createImsEmulator(options);
  const post = (fields: Record<string, string | undefined> = {}, contentType = FORM, path = '/ims/token/v3') => {
    const known = Object.entries({ ...GOOD, ...fields }).filter((entry): entry is [string, string] => !!entry[1]);
    const body = new URLSearchParams(known).toString();
    return read(emulator.handle({ method: 'POST', path, headers: { 'content-type': contentType }, body }));
  };
  return { emulator, post };
}

function read(reply: ImsReply) {
  if (reply.kind !== 'answer') throw new Error(`no answer but ${reply.kind}`);
  return { ...reply, json: JSON.parse(reply.body) as Record<string, unknown> };
}

describe('a good token request', () => {
  it('gets a bearer token with a life in seconds', () => {
    const { emulator, post } = setUp();
    const { status, headers, json } = post();
    expect(status).toBe(200);
    expect(json).toEqual({ access_token: emulator.issuedTokens()[0], token_type: 'bearer', expires_in: 86_399 });
    expect(headers['content-type']).toMatch(/^application\/json/);
    expect(headers['cache-control']).toBe('no-store');
    expect(emulator.exchanges).toBe(1);
  });

  it('gets another token each time, and the emulator knows its own', () => {
    const { emulator, post } = setUp();
    const [first, second] = [post().json.access_token, post().json.access_token];
    expect(first).not.toBe(second);
    expect(emulator.issuedTokens()).toEqual([first, second]);
    expect(emulator.isIssued(String(first))).toBe(true);
    expect(emulator.isIssued('a.b.c')).toBe(false);
  });

  it('may carry a charset, fewer scopes, and the org id of the client', () => {
    const { post } = setUp({ clients: [{ ...client, orgId: 'A1@AdobeOrg' }] });
    expect(post({}, `${FORM};charset=UTF-8`).status).toBe(200);
    expect(post({ scope: 'AdobeID' }).status).toBe(200);
    expect(post({ org_id: 'A1@AdobeOrg' }).status).toBe(200);
    expect(setUp().post({ org_id: 'any@AdobeOrg' }).status).toBe(200);
  });
});

const client = { clientId: GOOD.client_id, clientSecrets: [GOOD.client_secret] };

describe('a token as IMS makes it', () => {
  it.each([['openid'], [GOOD.scope]])('is a JWT of 1,100 to 1,600 characters with the scope %s', (scope) => {
    const clock = createManualClock();
    const { post } = setUp({ clock, expiresInSeconds: 3599 });
    const token = String(post({ scope }).json.access_token);
    expect(token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(token.length).toBeGreaterThanOrEqual(1100);
    expect(token.length).toBeLessThanOrEqual(1600);
    const [header, claims] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    expect(JSON.parse(header ?? '')).toMatchObject({ alg: 'RS256', kid: 'imsvault-emulator' });
    expect(JSON.parse(claims ?? '')).toEqual({
      id: expect.stringContaining('emulator'),
      type: 'access_token',
      client_id: GOOD.client_id,
      user_id: expect.stringMatching(/@techacct\.adobe\.com$/),
      as: 'ims-na1',
      scope,
      created_at: String(clock.now()),
      expires_in: '3599000',
      notice: expect.stringContaining('emulator'),
    });
  });
});

describe('a token request that IMS refuses', () => {
  it.each([
    ['without grant_type', { grant_type: undefined }, 'unsupported_grant_type'],
    ['with another grant', { grant_type: 'authorization_code' }, 'unsupported_grant_type'],
    ['without client_id', { client_id: undefined }, 'invalid_client', 'invalid client_id parameter'],
    ['with an unknown client_id', { client_id: 'somebody' }, 'invalid_client', 'invalid client_id parameter'],
    ['without client_secret', { client_secret: undefined }, 'invalid_client', 'invalid client_secret parameter'],
    ['with a wrong client_secret', { client_secret: 'guess' }, 'invalid_client', 'invalid client_secret parameter'],
    ['without scope', { scope: undefined }, 'invalid_scope'],
    ['with spaces between scopes', { scope: 'openid AdobeID' }, 'invalid_scope'],
    ['with a space after a comma', { scope: 'openid, AdobeID' }, 'invalid_scope'],
    ['with a scope nobody gave it', { scope: 'openid,admin' }, 'invalid_scope'],
  ])('%s', (_name, fields, error, description?: string) => {
    const { emulator, post } = setUp();
    const { status, json } = post(fields);
    expect(status).toBe(400);
    expect(json).toEqual({ error, error_description: description ?? expect.any(String) });
    expect(emulator.exchanges).toBe(0);
  });

  it('with scopes or an org that are not those of the client', () => {
    const { post } = setUp({ clients: [{ ...client, scopes: ['openid'], orgId: 'A1@AdobeOrg' }] });
    expect(post({ scope: 'openid' }).status).toBe(200);
    expect(post({ scope: 'openid,AdobeID' }).json.error).toBe('invalid_scope');
    expect(post({ scope: 'openid', org_id: 'B2@AdobeOrg' }).json.error).toBe('invalid_request');
  });

  it('as JSON or multipart', () => {
    const { post } = setUp();
    expect(post({}, 'application/json')).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
    expect(post({}, 'multipart/form-data; boundary=x')).toMatchObject({ status: 400 });
  });

  it('with parameters in the query, even if the body has them too', () => {
    const { emulator, post } = setUp();
    const path = '/ims/token/v3?client_id=emulator-client-id&client_secret=emulator-client-secret';
    expect(post({}, FORM, path)).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
    expect(emulator.exchanges).toBe(0);
    expect(JSON.stringify(emulator.requests)).not.toContain('emulator-client-secret');
  });

  it('with a parameter twice', () => {
    const { emulator } = setUp();
    const body = `${new URLSearchParams(GOOD)}&scope=openid`;
    const request = { method: 'POST', path: '/ims/token/v3', headers: { 'content-type': FORM }, body };
    expect(read(emulator.handle(request))).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
  });

  it('by GET, at another path, or with a huge body', () => {
    const { emulator, post } = setUp();
    const get = read(emulator.handle({ method: 'GET', path: '/ims/token/v3' }));
    expect(get).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(post({}, FORM, '/ims/token/v2').status).toBe(404);
    expect(post({ padding: 'x'.repeat(64 * 1024) }).status).toBe(413);
  });
});

describe('every answer', () => {
  it('has a debug id of its own, the date of the clock, and says that it is an emulator', () => {
    const clock = createManualClock(Date.UTC(2031, 1, 2, 3, 4, 5));
    const { emulator, post } = setUp({ clock });
    const answers = [
      post(),
      post({ client_id: 'x' }),
      post({}, FORM, '/nowhere'),
      read(emulator.handle({ method: 'GET', path: '/health' })),
    ];
    for (const { headers } of answers) {
      expect(headers.date).toBe('Sun, 02 Feb 2031 03:04:05 GMT');
      expect(headers['x-ims-emulator']).toBe('imsvault');
    }
    expect(new Set(answers.map(({ headers }) => headers['x-debug-id'])).size).toBe(answers.length);
  });
});

describe('rotation', () => {
  it('takes each of a client’s secrets, and after a change only the new ones', () => {
    const { emulator, post } = setUp({ clients: [{ ...client, clientSecrets: ['old', 'new'] }] });
    expect(post({ client_secret: 'old' }).status).toBe(200);
    expect(post({ client_secret: 'new' }).status).toBe(200);
    emulator.setClientSecrets(GOOD.client_id, ['new']);
    expect(post({ client_secret: 'old' }).json.error_description).toBe('invalid client_secret parameter');
    expect(post({ client_secret: 'new' }).status).toBe(200);
    emulator.setClientSecrets(GOOD.client_id, []);
    expect(post({ client_secret: 'new' }).status).toBe(400);
    expect(post({ client_secret: undefined }).status).toBe(400);
    expect(() => emulator.setClientSecrets('somebody', ['x'])).toThrow(RangeError);
  });
});
