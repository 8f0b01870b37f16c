import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { ConfigInvalidError } from '../errors.js';
import { formatListenAddress, hostInUrl, type ListenAddress } from '../net/listen-address.js';
import { AgentRequest } from './agent-request.js';
import type { AgentLimits, AgentTls, UnixSocketOptions } from './agent-server.js';
import { listenOnUnixSocket } from './unix-socket.js';

const MAX_HEADER_BYTES = 8 * 1024;
/** Sockets above the limit that are answered; beyond these the kernel's reset has to do. */
const ANSWERED_ABOVE_LIMIT = 100;
/** Who is above the limit must ask at once. */
const ABOVE_LIMIT_MS = 1000;

/** The connections of one group of addresses, with one limit for all. */
export interface ConnectionPool {
  /** Those that were admitted and are open. */
  readonly count: number;
  /** Each socket as it comes, before TLS. */
  accept(socket: Socket): void;
  /** One that requests may come over. */
  admit(socket: Socket): void;
  /** Whether it came above the limit. */
  isAbove(socket: Socket): boolean;
  /** Ends all that were accepted. */
  destroyAll(): void;
}

export function createConnectionPool(limit: number, clock: Clock): ConnectionPool {
  const open = new Set<Socket>();
  const above = new Set<Socket>();
  let count = 0;
  return {
    get count() {
      return count;
    },
    accept(socket) {
      if (open.size >= limit + ANSWERED_ABOVE_LIMIT) {
        socket.destroy();
        return;
      }
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    },
    admit(socket) {
      if (socket.destroyed) return;
      count++;
      let cancel: (() => void) | undefined;
      if (count > limit) {
        above.add(socket);
        cancel = clock.setTimer(() => socket.destroy(), ABOVE_LIMIT_MS);
      }
      socket.once('close', () => {
        count--;
        above.delete(socket);
        cancel?.();
      });
    },
    isAbove: (socket) => above.size > 0 && above.has(socket),
    destroyAll() {
      for (const socket of open) socket.destroy();
    },
  };
}

/** One address that is listened on. */
export interface Listener {
  readonly address: ListenAddress;
  /** The values of `Host` that mean it, in lower case. */
  readonly hosts: ReadonlySet<string>;
  readonly isTls: boolean;
  readonly server: Server;
  /** Removes what listening left in the file system. @throws NodeJS.ErrnoException */
  remove(): void;
}

export interface ListenOptions {
  limits: AgentLimits;
  pool: ConnectionPool;
  tls: AgentTls | undefined;
  unixSocket: UnixSocketOptions;
  hostNames: readonly string[];
  warn: (message: string) => void;
}

/** @throws ConfigInvalidError where the address cannot be had */
export async function listenOn(
  address: ListenAddress,
  { limits, pool, tls, unixSocket, hostNames, warn }: ListenOptions,
  handle: (listener: Listener) => RequestListener,
): Promise<Listener> {
  const common = {
    IncomingMessage: AgentRequest,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5000, limits.headersTimeoutMs / 2),
  };
  const isTls = tls !== undefined && address.kind === 'tcp';
  const server: Server = isTls
    ? createTlsServer({ ...common, ...tls, handshakeTimeout: limits.headersTimeoutMs })
    : createServer(common);
  server.on('connection', pool.accept);
  // A client that does not shake hands is none of HTTP's, which neither counts nor ends it.
  server.on(isTls ? 'secureConnection' : 'connection', pool.admit);
  const hosts = new Set<string>();
  const opened = (at: ListenAddress, remove: () => void): Listener => {
    for (const host of hostsOf(at, hostNames, isTls)) hosts.add(host);
    // Such as no file descriptor left for the next connection.
    server.on('error', (error) => warn(`${formatListenAddress(at)}: ${codeOf(error)}`));
    const listener = { address: at, hosts, isTls, server, remove };
    server.on('request', handle(listener));
    return listener;
  };
  if (address.kind === 'unix') {
    const remove = await listenOnUnixSocket(server, address.path, unixSocket);
    return opened(address, remove);
  }
  await listenOnPort(server, address.host, address.port).catch((error: unknown) => {
    throw cannotListen(address, codeOf(error));
  });
  const { port } = server.address() as AddressInfo;
  return opened({ ...address, port }, () => undefined);
}

function listenOnPort(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function hostsOf(address: ListenAddress, hostNames: readonly string[], isTls: boolean): string[] {
  if (address.kind === 'unix') return ['localhost'];
  const { port } = address;
  const names = ['localhost', '127.0.0.1', '[::1]', hostInUrl(address.host), ...hostNames];
  // Clients leave out the port that the scheme implies.
  const isImplied = port === (isTls ? 443 : 80);
  return names.map((name) => name.toLowerCase()).flatMap((name) => [`${name}:${port}`, ...(isImplied ? [name] : [])]);
}

const LISTEN_FAULTS: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'is in use; another agent, or another program, listens there'],
  ['EADDRNOTAVAIL', 'is no address of this machine'],
  ['EACCES', "may not be listened on by this user: ports below 1024 are the system's"],
]);

function cannotListen(address: ListenAddress, code: string): ConfigInvalidError {
  const what = LISTEN_FAULTS.get(code) ?? 'cannot be listened on';
  return new ConfigInvalidError([{ path: '--listen', message: `${formatListenAddress(address)} ${what} (${code})` }]);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
