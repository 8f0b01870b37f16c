import { describe, expect, it } from 'vitest';
import { createImsEmulator } from '../../src/testing/index.js';
import { createManualClock } from '../support/manual-clock.js';

const CLIENTS = [
  { clientId: 'first', clientSecrets: ['one'] },
  { clientId: 'second', clientSecrets: ['two'] },
];
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

function setUp() {
  const clock = createManualClock();
  const emulator = createImsEmulator({ clock, clients: CLIENTS, expiresInSeconds: 60 });
  const post = (path: string, headers: Record<string, string>, fields: Record<string, string>) => {
    const body = new URLSearchParams(fields).toString();
    const reply = emulator.handle({ method: 'POST', path, headers: { ...FORM, ...headers }, body });
    if (reply.kind !== 'answer') throw new Error(reply.kind);
    return { status: reply.status, json: JSON.parse(reply.body) };
  };
  const credential = { grant_type: 'client_credentials', client_id: 'first', client_secret: 'one', scope: 'openid' };
  const token: string = post('/ims/token/v3', {}, credential).json.access_token;
  const validate = (fields: Record<string, string> = {}, header = fields.client_id ?? 'first') =>
    post(
      '/ims/validate_token/v1',
      { 'x-ims-clientid': header },
      { type: 'access_token', client_id: 'first', token, ...fields },
    );
  return { clock, emulator, token, validate };
}

describe('validate_token', () => {
  it('knows an issued token until the last millisecond of its life', async () => {
    const { clock, validate } = setUp();
    expect(validate()).toEqual({ status: 200, json: { valid: true } });
    await clock.advance(59_999);
    expect(validate().json).toEqual({ valid: true });
    await clock.advance(1);
    expect(validate()).toEqual({ status: 200, json: { valid: false, reason: 'expired' } });
  });

  it('refuses a revoked token, an unknown one, and one of another client, with status 200', () => {
    const { emulator, token, validate } = setUp();
    expect(validate({ client_id: 'second' }).json).toEqual({ valid: false, reason: 'issued to another client' });
    expect(validate({ token: `${token}x` })).toEqual({ status: 200, json: { valid: false, reason: 'unknown' } });
    emulator.revoke(token);
    expect(validate()).toEqual({ status: 200, json: { valid: false, reason: 'revoked' } });
  });

  it('wants a known client, the same in X-IMS-ClientId, and the type', () => {
    const { validate } = setUp();
    expect(validate({ client_id: 'somebody' })).toMatchObject({ status: 400, json: { error: 'invalid_client' } });
    expect(validate({}, 'second')).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
    expect(validate({}, '')).toMatchObject({ status: 400 });
    expect(validate({ type: 'refresh_token' })).toMatchObject({ status: 400 });
  });

  it('does not count as an exchange and meets no fault', () => {
    const { emulator, validate } = setUp();
    emulator.fail({ kind: 'internal_error' });
    expect(validate().json).toEqual({ valid: true });
    expect(emulator.exchanges).toBe(1);
  });
});
