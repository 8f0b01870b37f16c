/** What a simulated day came to. */
export interface DayReport {
  /** What must never happen, each with its moment. */
  violations: string[];
  place: string;
  lifeMs: number;
  /** Those that have ended. */
  calls: number;
  /** Of each program, in the last hour. */
  callsAtLast: number[];
  refused: number;
  /** By the code of the error. */
  refusals: Record<string, number>;
  /** How often each kind of fault began. */
  faults: Record<string, number>;
  exchanges: number;
  longestWaitMs: number;
  /** The most requests within an hour, for each process. */
  imsPerHour: number;
  storePerHour: number;
  /** When the last call was refused after everything had ended, milliseconds from then. */
  recoveredAfterMs: number;
}
