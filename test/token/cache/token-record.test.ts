import { describe, expect, it } from 'vitest';
import type { BootTime } from '../../../src/clock.js';
import {
  ageOf,
  MAX_PAUSE_MS,
  parseRecord,
  serializeRecord,
  type TokenRecord,
  tokenOf,
} from '../../../src/token/cache/token-record.js';
import { HOUR, published } from '../fleet/fixture.js';

const NOW = Date.UTC(2030, 0, 1);
const BOOT: BootTime = { id: 'boot-1', ms: 1_000_000 };

/** Of a token that came a minute after it was asked for. */
function record(fields: Partial<TokenRecord> = {}): TokenRecord {
  return {
    token: published(NOW),
    schedule: { softMs: 0.8 * HOUR, hardMs: 0.9 * HOUR, floorMs: 0.95 * HOUR },
    savedAt: NOW + 60_000,
    boot: BOOT,
    facts: { files: [], env: [] },
    ...fields,
  };
}

describe('the age of a cached token', () => {
  const later: BootTime = { id: 'boot-1', ms: BOOT.ms + 600_000 };
  it.each<[string, number, BootTime | undefined, number | undefined]>([
    ['by both clocks alike', 660_000, later, 660_000],
    ['by the wall clock, which is further', 900_000, later, 900_000],
    ['by the boot’s clock, as the wall clock was set back', 0, later, 660_000],
    ['by the boot’s clock, as the wall clock was set back before the token was asked for', -HOUR, later, 660_000],
    ['by the wall clock in another boot', 600_000, { id: 'boot-2', ms: 5 }, 600_000],
    ['by the wall clock where the boot’s clock went back', 600_000, { id: 'boot-1', ms: 5 }, 600_000],
    ['by the wall clock where nothing tells the boot', 600_000, undefined, 600_000],
    ['of nobody knows what, where the wall clock was set back as well', 57_999, undefined, undefined],
    ['within the clocks’ grain', 58_000, undefined, 58_000],
    ['by the boot’s clock where none of it has passed', 60_000, BOOT, 60_000],
  ])('is known %s', (_title, wallMs, boot, ageMs) => {
    expect(ageOf(record(), NOW + wallMs, boot)).toBe(ageMs);
  });

  it('counts from when it was saved, where the wall clock says that this was before it was asked for', () => {
    expect(ageOf(record({ savedAt: NOW - 5000 }), NOW - HOUR, later)).toBe(600_000);
  });

  it('is none for one that comes from the future, by little', () => {
    expect(ageOf(record({ savedAt: NOW - 5000 }), NOW - 6000, undefined)).toBe(0);
  });
});

describe('a cached token as it can be used', () => {
  it.each([
    [2000, 0],
    [2001, -2001],
  ])('has times that fit a wall clock which was set back by %d ms', (backMs, shiftMs) => {
    const boot = { id: 'boot-1', ms: BOOT.ms + 600_000 };
    const { token } = tokenOf(record(), NOW + 660_000 - backMs, boot) ?? {};
    expect([(token?.issuedAt ?? 0) - NOW, (token?.expiresAt ?? 0) - NOW - HOUR]).toEqual([shiftMs, shiftMs]);
  });

  it.each([
    ['a pause to come', 1, true],
    ['the longest pause', MAX_PAUSE_MS, true],
    ['one that is longer: the wall clock was set back', MAX_PAUSE_MS + 1, false],
    ['a pause that is over', 0, false],
  ])('is paused by %s', (_title, leftMs, isPaused) => {
    const now = NOW + 120_000;
    const paused = record({ pause: { until: now + leftMs, count: 1 } });
    expect(tokenOf(paused, now, undefined)?.isPaused).toBe(isPaused);
  });
});

describe('the schedule of a record', () => {
  const parsed = (schedule: unknown) =>
    parseRecord(JSON.stringify({ ...JSON.parse(serializeRecord(record())), schedule }), NOW);
  it('may have its points at one moment', () => {
    expect(parsed([5, 5, 5])).toMatchObject({ schedule: { softMs: 5, hardMs: 5, floorMs: 5 } });
  });
  it('is of numbers', () => {
    expect(parsed(['5', 6, 7])).toEqual({ problem: 'is malformed: its schedule is malformed' });
  });
});
