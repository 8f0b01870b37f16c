import { expect, it, vi } from 'vitest';
import { claimBySwap } from '../../../src/token/fleet/claim-by-swap.js';
import type { StoredDocument } from '../../../src/token/fleet/document-access.js';
import { createManualClock } from '../../support/manual-clock.js';
import { documentOf, unavailable } from './fixture.js';

const signal = new AbortController().signal;
const attempt = { id: 'mine', ttlMs: 20_000, base: documentOf({ generation: 0 }), versionId: '1' };

function setUp(seen: StoredDocument | Error) {
  const read = vi.fn(async () => {
    if (seen instanceof Error) throw seen;
    return seen;
  });
  const replace = vi.fn(() => Promise.reject(why));
  const access = { place: 'x', claimSpreadMs: 0, writeIntervalMs: 0, read, replace, put: vi.fn() };
  return claimBySwap(access, createManualClock());
}

const why = unavailable();

it('a claim whose answer was lost is won where it stands in the store', async () => {
  const document = documentOf({ generation: 0, renewal: { id: 'mine', ttlMs: 20_000 } });
  const swap = setUp({ id: '2', clockOffsetMs: 0, document });
  expect(swap?.kind).toBe('compare-and-swap');
  expect(await swap?.claim(attempt, signal)).toMatchObject({ kind: 'won', claim: { id: 'mine', versionId: '2' } });
});

it.each<[string, StoredDocument | Error]>([
  ['another’s claim', { id: '2', clockOffsetMs: 0, document: documentOf({ renewal: { id: 'other', ttlMs: 20_000 } }) }],
  ['no claim', { id: '2', clockOffsetMs: 0, document: documentOf() }],
  ['no document', { id: null, clockOffsetMs: 0 }],
  ['what cannot be read', new Error('gone')],
])('it is thrown why it failed where %s stands there', async (_title, seen) => {
  await expect(setUp(seen)?.claim(attempt, signal)).rejects.toBe(why);
});
