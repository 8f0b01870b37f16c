const CLOCK_WARNING_MS = 30_000;

/** What is told once, not with each renewal. */
export interface FleetWarnings {
  /** @param offsetMs the servers' clock less this machine's */
  ofClock(offsetMs: number): void;
  ofWaiting(): void;
  /** A token came: the next wait is told again. */
  tokenCame(): void;
}

export function createFleetWarnings(place: string, warn: (message: string) => void): FleetWarnings {
  let warnedOfClock = false;
  let warnedOfWaiting = false;
  return {
    ofClock(offsetMs) {
      if (warnedOfClock || Math.abs(offsetMs) <= CLOCK_WARNING_MS) return;
      warnedOfClock = true;
      warn(`this machine's clock is ${Math.round(Math.abs(offsetMs) / 1000)} s ${offsetMs > 0 ? 'behind' : 'ahead'}`);
    },
    ofWaiting() {
      if (warnedOfWaiting) return;
      warnedOfWaiting = true;
      warn(`${place}: there is no usable token yet; waiting for those who renew`);
    },
    tokenCame() {
      warnedOfWaiting = false;
    },
  };
}
