import { describe, expect, it } from 'vitest';
import { redact } from '../../../src/redacted.js';
import { createAdoption } from '../../../src/token/fleet/fleet-adoption.js';
import { DEFAULT_RENEWAL } from '../../../src/token/renewal-schedule.js';
import { fakeToken } from '../../support/fake-token.js';
import { createManualClock } from '../../support/manual-clock.js';
import { documentOf, HOUR, IDENTITY, published } from './fixture.js';

function setUp(fixed: { clientId?: string } = {}) {
  const clock = createManualClock();
  const adoption = createAdoption({ identity: IDENTITY, renewal: DEFAULT_RENEWAL, clock, ...fixed });
  const seen = (token = published(clock.now()), generation = 3, clockOffsetMs = 0) => ({
    ...{ document: documentOf({ generation, token }), id: '1', clockOffsetMs },
  });
  return { clock, adoption, seen };
}

describe('a published token', () => {
  it('is taken over with times of this machine’s clock, and its generation is known from then on', () => {
    const { clock, adoption, seen } = setUp();
    const theirs = published(clock.now() + 600_000);
    const token = adoption.adopt(seen(theirs, 3, 600_000), theirs);
    expect(token).toMatchObject({ issuedAt: clock.now(), expiresAt: clock.now() + HOUR });
    expect(adoption.heldToken(token)).toEqual({ token, generation: 3 });
    expect(adoption.heldToken(undefined)).toEqual({ token: undefined, generation: undefined });
  });

  it('ages by the servers’ clock', () => {
    const { clock, adoption } = setUp();
    const theirs = published(clock.now());
    expect(adoption.phaseOf(theirs, 0)).toBe('fresh');
    expect(adoption.phaseOf(theirs, HOUR)).toBe('expired');
    expect(adoption.phaseOf(theirs, -HOUR)).toBe('fresh');
  });

  it('of this process has the generation that it was published as', () => {
    const { clock, adoption, seen } = setUp();
    const own = fakeToken(clock.now(), 3600);
    adoption.wasPublished(own, 3);
    expect(adoption.heldToken(own).generation).toBe(3);
    expect(adoption.newerToken(seen(published(clock.now()), 3), adoption.heldToken(own))).toBeUndefined();
    expect(adoption.newerToken(seen(published(clock.now()), 4), adoption.heldToken(own))).toBeDefined();
  });

  it('replaces one that did not come through the store only where it is another one and lives longer', () => {
    const { clock, adoption, seen } = setUp();
    const own = fakeToken(clock.now(), 3600);
    const held = adoption.heldToken(own);
    expect(adoption.newerToken(seen(published(clock.now())), held)).toBeUndefined();
    expect(adoption.newerToken(seen(published(clock.now() + 1)), held)).toBeDefined();
    const same = published(clock.now() + 1, { accessToken: redact(own.accessToken) });
    expect(adoption.newerToken(seen(same), held)).toBeUndefined();
    // Ten minutes later by the servers' clock is the same moment here.
    expect(adoption.newerToken(seen(published(clock.now() + 600_000), 3, 600_000), held)).toBeUndefined();
    expect(adoption.newerToken(seen(published(clock.now() + 600_001), 3, 600_000), held)).toBeDefined();
  });

  it('of another client than the one that is fixed replaces nothing', () => {
    const { clock, adoption, seen } = setUp({ clientId: 'client' });
    const nothing = adoption.heldToken(undefined);
    expect(adoption.newerToken(seen(published(clock.now(), { clientId: 'other' })), nothing)).toBeUndefined();
    expect(adoption.newerToken(seen(published(clock.now())), nothing)).toBeDefined();
  });

  it('of another identity, or none, replaces nothing', () => {
    const { clock, adoption, seen } = setUp();
    const nothing = adoption.heldToken(undefined);
    const foreign = documentOf({ identity: 'y'.repeat(43), token: published(clock.now()) });
    expect(adoption.newerToken({ document: foreign, id: '1', clockOffsetMs: 0 }, nothing)).toBeUndefined();
    expect(adoption.newerToken({ id: null, clockOffsetMs: 0 }, nothing)).toBeUndefined();
    expect(adoption.newerToken(seen(published(clock.now() - HOUR)), nothing)).toBeUndefined();
  });
});
