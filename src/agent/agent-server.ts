import { Server as TlsServer } from 'node:https';
import type { Clock } from '../clock.js';
import { ConfigInvalidError } from '../errors.js';
import { checkReach, formatListenAddress, type ListenAddress } from '../net/listen-address.js';
import type { AgentProfiles } from './agent-profiles.js';
import { createConnectionPool, type Listener, listenOn } from './listen.js';
import { createRouter, type RouterDoor } from './router.js';

export interface AgentServerOptions {
  /** Where `/v1`, `/metrics`, the page at `/`, `/livez` and `/readyz` are served. At least one. */
  listen: readonly ListenAddress[];
  /** Where `/livez`, `/readyz` and `/metrics` alone are served, to anybody who reaches it, in clear text. Default: nowhere. */
  healthListen?: readonly ListenAddress[];
  /** Permits addresses that other machines reach; takes `tls`. Default false. */
  allowRemote?: boolean;
  /** Names by which clients reach a remote address, beside the address itself; without a port. Default none. */
  hostNames?: readonly string[];
  /** For every TCP address of `listen`. Default: clear text. */
  tls?: AgentTls;
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

/** PEM: a certificate, with its chain, and its key. */
export interface AgentTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
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
  /** For connections to come, where it speaks TLS. @throws Error where they do not belong together */
  setTls(tls: AgentTls): void;
  /**
   * Takes no new connections, lets requests under way end for `graceMs` milliseconds, then ends them, and removes its
   * sockets. A second call waits for the first.
   */
  close(graceMs: number): Promise<void>;
}

const DEFAULT_LIMITS: AgentLimits = {
  connections: 1000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  keepAliveTimeoutMs: 60_000,
};
/** Probes and scrapers are few, and must get through when clients are many. */
const HEALTH_CONNECTIONS = 100;

/**
 * The agent's HTTP server. See docs/agent.md.
 * @throws ConfigInvalidError where an address cannot be had or may not be used; nothing is left listening then
 */
export async function startAgentServer(options: AgentServerOptions): Promise<AgentServer> {
  const { listen, healthListen = [], tls, hostNames = [], unixSocket = {}, clock, warn } = options;
  if (listen.length === 0) {
    throw new ConfigInvalidError([{ path: '--listen', message: 'name at least one address' }]);
  }
  checkReach(listen, { allowRemote: options.allowRemote ?? false, tls: tls !== undefined });
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const pool = createConnectionPool(limits.connections, clock);
  const healthPool = createConnectionPool(HEALTH_CONNECTIONS, clock);
  const opened: Listener[] = [];
  const openedHealth: Listener[] = [];
  let closed: Promise<void> | undefined;
  const router = createRouter({
    profiles: options.profiles,
    requiredProfiles: options.requiredProfiles,
    accessToken: options.accessToken,
    pool,
    clock,
    isClosing: () => closed !== undefined,
    webOrigin: () => webOrigin(opened, tls !== undefined),
  });

  async function closeAll(graceMs: number): Promise<void> {
    const cancel = clock.setTimer(
      () => {
        pool.destroyAll();
        healthPool.destroyAll();
      },
      graceMs,
      { ref: true },
    );
    await Promise.all(
      [...opened, ...openedHealth].map(({ address, server, remove }) => {
        try {
          remove();
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          warn(`${formatListenAddress(address)} is left behind: ${code ?? 'unknown error'}`);
        }
        return new Promise<void>((resolve) => server.close(() => resolve()));
      }),
    );
    cancel();
  }

  const common = { limits, unixSocket, hostNames, warn };
  try {
    for (const address of listen) {
      opened.push(await listenOn(address, { ...common, pool, tls }, (listener) => router.serve(doorOf(listener))));
    }
    for (const address of healthListen) {
      const handle = () => router.serveHealth(healthPool);
      openedHealth.push(await listenOn(address, { ...common, pool: healthPool, tls: undefined }, handle));
    }
  } catch (error) {
    await closeAll(0);
    throw error;
  }
  return {
    addresses: opened.map(({ address }) => address),
    healthAddresses: openedHealth.map(({ address }) => address),
    setTls(next) {
      for (const { server } of opened) if (server instanceof TlsServer) server.setSecureContext(next);
    },
    close(graceMs) {
      closed ??= closeAll(graceMs);
      return closed;
    },
  };
}

function doorOf({ address, hosts, isTls }: Listener): RouterDoor {
  return { hosts, isTls, cookieName: `imsvault_${address.kind === 'tcp' ? address.port : 'unix'}` };
}

/** The first address of this machine that a browser can open. */
function webOrigin(listeners: readonly Listener[], isTls: boolean): string | undefined {
  const found = listeners.map(({ address }) => address).find(({ kind }) => kind === 'tcp');
  return found === undefined ? undefined : `${isTls ? 'https' : 'http'}://${formatListenAddress(found)}`;
}
