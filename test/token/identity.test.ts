import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { identityInNames, identityOf } from '../../src/token/identity.js';

const parts = { tokenEndpoint: 'https://ims.test', scope: ['b', 'a'], orgId: 'X@AdobeOrg', clientId: 'client' };

it('an identity is the digest of its parts, in whatever order the scopes stand', () => {
  const text = '["https://ims.test",["a","b"],"X@AdobeOrg","client"]';
  expect(identityOf(parts)).toBe(createHash('sha256').update(text).digest('base64url'));
  expect(identityOf({ ...parts, scope: ['a', 'b'] })).toBe(identityOf(parts));
  expect(parts.scope).toEqual(['b', 'a']);
});

it('each part counts, and that it is not known', () => {
  const others = [
    parts,
    { ...parts, tokenEndpoint: 'https://other.test' },
    { ...parts, scope: undefined },
    { ...parts, scope: [] },
    { ...parts, orgId: undefined },
    { ...parts, clientId: undefined },
    { ...parts, orgId: undefined, clientId: 'X@AdobeOrg' },
  ];
  expect(new Set(others.map(identityOf)).size).toBe(others.length);
});

it('is spelt in hexadecimal where it is a name', () => {
  const digest = Buffer.from(identityOf(parts), 'base64url');
  expect(identityInNames(identityOf(parts))).toBe(digest.toString('hex'));
  expect(identityInNames(identityOf(parts))).toMatch(/^[0-9a-f]{64}$/);
});
