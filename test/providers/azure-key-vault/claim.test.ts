import { describe, expect, it } from 'vitest';
import { claimNameOf, entryOf, tagsOf } from '../../../providers/azure-key-vault/claim.js';
import type { ElectionEntry } from '../../../src/secret/provider.js';

const ENTRY: ElectionEntry = { generation: 42, id: '5d2f3a5e-3c0c-4f6c-9c53-3a0d4a0f3b11', ttlMs: 20_000 };
const FAILURE = { claimId: 'the-claim', code: 'invalid_client', retryAfterMs: 1234, count: 3 };
const FAILED: ElectionEntry = { ...ENTRY, failure: FAILURE };
const written = { name: 'n', vaultUrl: 'v', version: 'v1', createdOn: new Date(5000) };
const place = { createdAt: 5000, versionId: 'v1' };

describe('the name of the secret with the claims', () => {
  it('is that of the token and a suffix', () => {
    expect(claimNameOf('ims-token')).toBe('ims-token-claim');
    expect(claimNameOf('x'.repeat(121))).toBe(`${'x'.repeat(121)}-claim`);
  });

  it('fits the bounds of a name, and stays different for different tokens', () => {
    const names = Array.from({ length: 6 }, (_, index) => claimNameOf('x'.repeat(122 + index)));
    for (const name of [...names, claimNameOf(`${'x'.repeat(121)}y`)]) {
      expect(name).toMatch(/^[0-9A-Za-z-]{127}$/);
      expect(name).toMatch(/-claim$/);
    }
    expect(new Set([...names, claimNameOf(`${'x'.repeat(121)}y`)]).size).toBe(7);
  });
});

describe('the tags of a claim', () => {
  it.each([
    ['a claim', ENTRY, { generation: '42', id: ENTRY.id, ttl: '20' }],
    [
      'a failure',
      FAILED,
      {
        generation: '42',
        id: ENTRY.id,
        ttl: '20',
        'failure-claim-id': 'the-claim',
        'failure-code': 'invalid_client',
        'failure-retry-after': '1.234',
        'failure-count': '3',
      },
    ],
  ])('hold %s, in seconds, and give it back', (_title, entry, tags) => {
    expect(tagsOf(entry)).toEqual(tags);
    expect(entryOf({ ...written, tags })).toEqual({ ...entry, ...place });
  });

  it('round a duration up to the millisecond, so that they can be read', () => {
    const tags = tagsOf({ ...FAILED, failure: { ...FAILURE, retryAfterMs: 1000.4 } });
    expect(entryOf({ ...written, tags })?.failure?.retryAfterMs).toBe(1001);
  });

  it('cap what a failure may ask for, as the token document does', () => {
    const tags = { ...tagsOf(FAILED), 'failure-retry-after': '86400' };
    expect(entryOf({ ...written, tags })?.failure?.retryAfterMs).toBe(300_000);
  });

  it.each([
    ['no tags', undefined],
    ['no generation', { id: 'a', ttl: '20' }],
    ['no id', { generation: '42', ttl: '20' }],
    ['no ttl', { generation: '42', id: 'a' }],
    ['a ttl out of bounds', { ...tagsOf(ENTRY), ttl: '121' }],
    ['a ttl that is no number', { ...tagsOf(ENTRY), ttl: '20s' }],
    ['a negative ttl', { ...tagsOf(ENTRY), ttl: '-1' }],
    ['a generation that is no whole number', { ...tagsOf(ENTRY), generation: '4.2' }],
    ['a generation beyond what is safe', { ...tagsOf(ENTRY), generation: '9007199254740992' }],
    ['an id with other characters', { ...tagsOf(ENTRY), id: 'a b' }],
    ['half a failure', { ...tagsOf(ENTRY), 'failure-code': 'x' }],
    ['a failure that never happened', { ...tagsOf(FAILED), 'failure-count': '0' }],
    ['a failure with a malformed wait', { ...tagsOf(FAILED), 'failure-retry-after': 'soon' }],
  ])('are ignored with %s', (_title, tags) => {
    expect(entryOf({ ...written, ...(tags === undefined ? {} : { tags }) })).toBeUndefined();
  });

  it('are ignored without a version and its time', () => {
    const { version: _, ...unnamed } = written;
    const { createdOn: __, ...undated } = written;
    expect([unnamed, undated].map((each) => entryOf({ ...each, tags: tagsOf(ENTRY) }))).toEqual([undefined, undefined]);
  });
});
