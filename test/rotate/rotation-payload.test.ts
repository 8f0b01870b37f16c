import { describe, expect, it } from 'vitest';
import { redact, reveal } from '../../src/redacted.js';
import { createRotationPayload } from '../../src/rotate/rotation-payload.js';
import type { FieldMap } from '../../src/secret/credential.js';
import { expectNoSecrets } from '../support/leaks.js';

const facts = { run: 'run-1', startedAt: Date.UTC(2030, 0, 1), knownUuids: ['u-old'], oldUuid: 'u-old' };
const added = { ...facts, step: 'added', newUuid: 'u-new', newSecret: redact('NEW') } as const;

/** The document after the switch and at the end, without the state. */
function through(document: unknown, fields?: FieldMap) {
  const payload = createRotationPayload('the secret', fields);
  const value = redact(JSON.stringify(document));
  payload.check(value);
  const kept = payload.withState(value, added);
  expect(payload.stateOf(kept)).toMatchObject({ step: 'added', newUuid: 'u-new' });
  expect(payload.credentialOf(kept)).toEqual(payload.credentialOf(value));
  const switched = payload.switched(kept, added);
  expect(payload.stateOf(switched)).toMatchObject({ ...facts, step: 'switched', newUuid: 'u-new' });
  expect(reveal(payload.credentialOf(switched).clientSecrets[0])).toBe('NEW');
  const { imsvault_rotation: _state, ...rest } = JSON.parse(reveal(switched)) as Record<string, unknown>;
  return { switched: rest, finished: JSON.parse(reveal(payload.finished(switched))) as unknown };
}

describe('the secret, with another client secret in it', () => {
  it.each<[string, unknown, unknown, unknown, FieldMap?]>([
    [
      'a text: the list is added beside it, and goes again',
      { client_id: 'i', client_secret: 'OLD', other: { a: [1, null, 'x'] } },
      { client_id: 'i', client_secret: 'NEW', other: { a: [1, null, 'x'] }, client_secrets: ['NEW', 'OLD'] },
      { client_id: 'i', client_secret: 'NEW', other: { a: [1, null, 'x'] } },
    ],
    [
      'in capitals',
      { CLIENT_ID: 'i', CLIENT_SECRET: 'OLD' },
      { CLIENT_ID: 'i', CLIENT_SECRET: 'NEW', CLIENT_SECRETS: ['NEW', 'OLD'] },
      { CLIENT_ID: 'i', CLIENT_SECRET: 'NEW' },
    ],
    [
      'both names, which go on agreeing; a second one that is dead makes room',
      { client_id: 'i', client_secret: 'OLD', client_secrets: ['OLD', 'dead'] },
      { client_id: 'i', client_secret: 'NEW', client_secrets: ['NEW', 'OLD'] },
      { client_id: 'i', client_secret: 'NEW', client_secrets: ['NEW'] },
    ],
    [
      'copies for other readers',
      { clientId: 'i', clientSecret: 'OLD', nested: { pw: 'OLD' } },
      { clientId: 'i', clientSecret: 'NEW', nested: { pw: 'NEW' }, clientSecrets: ['NEW', 'OLD'] },
      { clientId: 'i', clientSecret: 'NEW', nested: { pw: 'NEW' } },
    ],
    [
      'a list in a text',
      { client_id: 'i', client_secrets: '["OLD"]' },
      { client_id: 'i', client_secrets: '["NEW","OLD"]' },
      { client_id: 'i', client_secrets: '["NEW"]' },
    ],
    [
      'a list with commas',
      { client_id: 'i', client_secrets: 'OLD, dead' },
      { client_id: 'i', client_secrets: 'NEW,OLD' },
      { client_id: 'i', client_secrets: 'NEW' },
    ],
    [
      "aio's variables",
      { AIO_ims_contexts_my_ctx_client__id: 'i', AIO_ims_contexts_my_ctx_client__secrets: '["OLD"]' },
      { AIO_ims_contexts_my_ctx_client__id: 'i', AIO_ims_contexts_my_ctx_client__secrets: '["NEW","OLD"]' },
      { AIO_ims_contexts_my_ctx_client__id: 'i', AIO_ims_contexts_my_ctx_client__secrets: '["NEW"]' },
    ],
    ["the console's download", download(['OLD']), download(['NEW', 'OLD']), download(['NEW'])],
    [
      'names without a list of their own',
      { FUSION_CLIENT_ID: 'i', FUSION_CLIENT_SECRET: 'OLD' },
      { FUSION_CLIENT_ID: 'i', FUSION_CLIENT_SECRET: 'NEW' },
      { FUSION_CLIENT_ID: 'i', FUSION_CLIENT_SECRET: 'NEW' },
    ],
    [
      'mapped names',
      { app: { id: 'i', pw: 'OLD' } },
      { app: { id: 'i', pw: 'NEW' } },
      { app: { id: 'i', pw: 'NEW' } },
      { clientId: 'app.id', clientSecret: 'app.pw' },
    ],
  ])('%s', (_name, document, switched, finished, fields) => {
    expect(through(document, fields)).toEqual({ switched, finished });
  });

  it('keeps the indentation', () => {
    const text = '{\n  "client_id": "i",\n  "client_secret": "OLD"\n}';
    const payload = createRotationPayload('x', undefined);
    const switched = payload.switched(payload.withState(redact(text), added), added);
    expect(reveal(payload.finished(switched))).toBe(text.replace('OLD', 'NEW'));
  });

  it.each([
    ['variables', 'CLIENT_ID=i\nCLIENT_SECRET=OLD-SECRET', 'not a JSON object'],
    [
      'a number that JSON.parse would change',
      '{"client_id":"i","client_secret":"OLD-SECRET","n":12345678901234567890}',
      'too many digits',
    ],
    ['JSON inside a text', '{"client_id":"i","app":"{\\"pw\\":\\"OLD-SECRET\\"}"}', 'cannot be put into its shape'],
    [
      'a state of the future',
      '{"client_id":"i","client_secret":"OLD-SECRET","imsvault_rotation":{"step":"flying"}}',
      'not the state',
    ],
  ])('refuses %s', (_name, text, message) => {
    const payload = createRotationPayload(
      'the secret',
      message.includes('shape') ? { clientId: 'client_id', clientSecret: 'app.pw' } : undefined,
    );
    let error: unknown;
    try {
      payload.check(redact(text));
      payload.stateOf(redact(text));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'ERR_SECRET_MALFORMED', message: expect.stringContaining(message) });
    expectNoSecrets(error, ['OLD-SECRET']);
  });
});

function download(secrets: string[]) {
  const own = { name: 'c', oauth_server_to_server: { client_id: 'i', client_secrets: secrets, scopes: ['openid'] } };
  return { project: { name: 'p', workspace: { details: { credentials: [{ other: 1 }, own] } } } };
}
