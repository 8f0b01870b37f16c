import { expect, it } from 'vitest';
import { AccessToken } from '../../src/access-token.js';
import { accessTokenJson } from '../../src/token/access-token-json.js';

it('a token as programs read it, with what is left of its life in whole seconds', () => {
  const issuedAt = Date.UTC(2030, 0, 1);
  const fields = { accessToken: 'tok', tokenType: 'bearer', scope: ['openid', 'AdobeID'], clientId: 'client' };
  const token = new AccessToken({ ...fields, issuedAt, expiresAt: issuedAt + 3_600_000 });
  expect(accessTokenJson(token, 'vault', issuedAt + 100)).toEqual({
    access_token: 'tok',
    token_type: 'bearer',
    expires_at: '2030-01-01T01:00:00.000Z',
    expires_in: 3599,
    issued_at: '2030-01-01T00:00:00.000Z',
    scope: 'openid,AdobeID',
    client_id: 'client',
    source: 'vault',
  });
  expect(accessTokenJson(token, 'vault', issuedAt + 3_700_000)).toMatchObject({ expires_in: 0 });
});
