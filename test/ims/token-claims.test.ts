import { describe, expect, it } from 'vitest';
import { readClaims } from '../../src/ims/token-claims.js';
import { jwt } from '../support/fake-token.js';

describe('claims of a token', () => {
  it('are its client, its beginning and its life in seconds, from texts of milliseconds', () => {
    const token = jwt({ client_id: 'my-client', created_at: '1893456000000', expires_in: '86400000' });
    expect(readClaims(token)).toStrictEqual({
      clientId: 'my-client',
      createdAt: 1_893_456_000_000,
      lifetimeSeconds: 86_400,
    });
  });

  it('may be numbers', () => {
    expect(readClaims(jwt({ created_at: 5, expires_in: 1500 }))).toStrictEqual({ createdAt: 5, lifetimeSeconds: 1.5 });
  });

  it.each<[string, object]>([
    ['absent', {}],
    ['of another kind', { client_id: 7, created_at: true, expires_in: ['3600000'] }],
    ['no times', { created_at: '', expires_in: 'soon' }],
    ['zero', { created_at: 0, expires_in: '0' }],
    ['negative', { created_at: -1, expires_in: '-3600000' }],
    ['endless', { created_at: '1e999', expires_in: 'Infinity' }],
  ])('are left out where they are %s', (_title, claims) => {
    expect(readClaims(jwt(claims))).toStrictEqual({});
  });

  it.each([
    ['opaque', 'abc'],
    ['no JSON', 'e30.abc.c2ln'],
    ['a text', jwt('text')],
    ['null', jwt(null)],
  ])('are none where the token is %s', (_title, token) => {
    expect(readClaims(token)).toBeUndefined();
  });
});
