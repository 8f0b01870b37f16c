/** How the requests for one profile's token were answered. */
export interface RequestCounters {
  /** The token was there. */
  hit: number;
  /** It had to be renewed first. */
  miss: number;
  failed: number;
}

/** By profile; only names that the config has get in. */
export type CountersByProfile = Map<string, RequestCounters>;

export function countersOf(all: CountersByProfile, profile: string): RequestCounters {
  let counters = all.get(profile);
  if (counters === undefined) {
    counters = { hit: 0, miss: 0, failed: 0 };
    all.set(profile, counters);
  }
  return counters;
}
