import type { Clock } from '../clock.js';
import type { AgentProfiles } from './agent-profiles.js';
import type { ListenAddress } from './listen-address.js';

export interface AgentServerOptions {
  /** Where `/v1`, `/metrics`, the page at `/`, `/livez` and `/readyz` are served. At least one. */
  listen: readonly ListenAddress[];
  /** Where `/livez`, `/readyz` and `/metrics` alone are served, to anybody who reaches it, in clear text. Default: nowhere. */
  healthListen?: readonly ListenAddress[];
  /** Permits addresses that other machines reach; takes `tls`. Default false. */
  allowRemote?: boolean;
  /** Names by which clients reach a remote address, beside the address itself; without a port. Default none. */
  hostNames?: readonly string[];
  /** PEM; for every TCP address of `listen`. Default: clear text. */
  tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  unixSocket?: UnixSocketOptions;
  /** From `readAccessToken`. */
  accessToken: AgentAccessToken;
  /**
   * Asked for each request, so that a reload needs no restart. Whoever opens the profiles also warms them: the server
   * asks for a token only when a client does. A config's only profile, if it has no name, is listed as `default`.
   */
  profiles: () => AgentProfiles;
  /** The profiles without whose token `/readyz` says 503. Default: all. */
  requiredProfiles?: readonly string[];
  limits?: Partial<AgentLimits>;
  clock: Clock;
  /** Told of what is odd but stops nothing; no secret in it. */
  warn: (message: string) => void;
}

export interface UnixSocketOptions {
  /** Permissions of the socket. Default 0o600. */
  mode?: number;
  /** The socket's group, a number. Default: the process's. */
  gid?: number;
}

export interface AgentLimits {
  /** Connections at once over all addresses; who comes above it is answered 429. Default 1000. */
  connections: number;
  /** For a request's head to arrive, milliseconds. Default 10000. */
  headersTimeoutMs: number;
  /** For a whole request to arrive, milliseconds. Default 20000. */
  requestTimeoutMs: number;
  /** How long a connection may stay idle between requests, milliseconds. Default 60000. */
  keepAliveTimeoutMs: number;
}

/** The token that clients must show. */
export interface AgentAccessToken {
  /** In constant time; reads the token anew where its file has changed. */
  matches(candidate: string): boolean;
}

export interface AgentServer {
  /** As listened on: with the port that was free. */
  readonly addresses: readonly ListenAddress[];
  readonly healthAddresses: readonly ListenAddress[];
  /**
   * Takes no new connections, lets requests under way end for `graceMs` milliseconds, then ends them, and removes its
   * sockets. A second call waits for the first.
   */
  close(graceMs: number): Promise<void>;
}

/** Listens, or throws ConfigInvalidError; on failure nothing is left listening. */
export declare function startAgentServer(options: AgentServerOptions): Promise<AgentServer>;
