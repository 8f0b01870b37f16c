import type { Clock } from '../clock.js';
import type { AgentAccessToken } from './agent-server.js';

export interface AccessTokenFileOptions {
  /** Absolute; made where it does not exist. Its folder must exist. */
  path: string;
  /** Permissions when it is made, and the most that it may have when it is read. Default 0o600. */
  mode?: number;
  /** Its group when it is made, a number. Default: the process's. */
  gid?: number;
  clock: Clock;
  /** Told when the file changes into something that is no token: the old one goes on. */
  warn: (message: string) => void;
}

/**
 * The token that clients of the agent must show, from its file.
 * @throws ConfigInvalidError where the file is not ours, open to others, or holds no token
 */
export declare function readAccessToken(options: AccessTokenFileOptions): AgentAccessToken;
