/** One thing that happened. Its fields hold no token and no secret. */
export interface AgentRecord {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** Words joined by `-`: `token-renewed`. */
  readonly event: string;
  readonly [field: string]: unknown;
}

export type AgentLog = (record: AgentRecord) => void;
