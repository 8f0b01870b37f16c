import { describe, expect, it } from 'vitest';
import { DEFAULT_RENEWAL, phaseAt, renewalSchedule } from '../../src/token/renewal-schedule.js';

const DAY = 86_400_000;

describe('renewal schedule', () => {
  it('puts the points of a day-long token where the design says', () => {
    expect(renewalSchedule(DEFAULT_RENEWAL, DAY, 0)).toEqual({
      softMs: 0.8 * DAY,
      hardMs: DAY - 300_000,
      floorMs: DAY - 60_000,
    });
    expect(renewalSchedule(DEFAULT_RENEWAL, DAY, 0.5).softMs).toBeCloseTo(0.85 * DAY, 0);
  });

  it('scales the margins down for short tokens', () => {
    expect(renewalSchedule(DEFAULT_RENEWAL, 60_000, 0.5)).toEqual({ softMs: 51_000, hardMs: 54_000, floorMs: 57_000 });
  });

  it.each([1, 10, 1000, 60_000, 3_600_000, DAY])('keeps the points in their order for a life of %d ms', (life) => {
    for (const random of [0, 0.3, 0.999]) {
      const { softMs, hardMs, floorMs } = renewalSchedule(
        { ...DEFAULT_RENEWAL, hardMarginMs: 1, softFractionMax: 0.99 },
        life,
        random,
      );
      expect(softMs).toBeLessThanOrEqual(hardMs);
      expect(hardMs).toBeLessThanOrEqual(floorMs);
      expect(floorMs).toBeLessThan(life);
    }
  });

  it('says what a token of some age is good for', () => {
    const schedule = { softMs: 10, hardMs: 20, floorMs: 30 };
    expect([0, 9, 10, 19, 20, 29, 30, 99].map((age) => phaseAt(schedule, age))).toEqual([
      'fresh',
      'fresh',
      'soft',
      'soft',
      'hard',
      'hard',
      'expired',
      'expired',
    ]);
  });
});
