import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { ConfigInvalidError } from '../errors.js';
import { isLoopbackHost } from './loopback.js';

/** Where an agent listens. */
export type ListenAddress =
  | {
      readonly kind: 'tcp';
      /** An IP address, IPv6 without brackets. */
      readonly host: string;
      /** 0: any free one. */
      readonly port: number;
    }
  | {
      readonly kind: 'unix';
      /** Absolute. */
      readonly path: string;
    };

/**
 * `127.0.0.1:7717`, `[::1]:7717`, `localhost:7717`, or `unix:/run/imsvault/agent.sock`.
 * @param option the option that named it, for the error's text
 * @throws ConfigInvalidError
 */
export function parseListenAddress(text: string, option = '--listen'): ListenAddress {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (!isAbsolute(path) || path.includes('\0')) throw invalid(option, 'write unix: and an absolute path');
    return { kind: 'unix', path };
  }
  const address = parseTcpAddress(text);
  if (address === undefined) throw invalid(option, ADDRESS_FORM);
  return address;
}

/** What to write instead of something that is no address. */
export const ADDRESS_FORM = 'write ADDRESS:PORT, for example 127.0.0.1:7717 or [::1]:7717, or unix:PATH';

/** @returns undefined where it is none */
export function parseTcpAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  const isHost = match?.[1] === undefined ? isIP(host) === 4 || host === 'localhost' : isIP(host) === 6;
  if (!isHost || port > 65_535) return undefined;
  // What the name resolves to is another file's to say.
  return { kind: 'tcp', host: host === 'localhost' ? '127.0.0.1' : host, port };
}

/** The address as {@link parseListenAddress} takes it. */
export function formatListenAddress(address: ListenAddress): string {
  return address.kind === 'unix' ? `unix:${address.path}` : `${hostInUrl(address.host)}:${address.port}`;
}

/** An IPv6 address in brackets. */
export function hostInUrl(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

/**
 * Tokens leave the machine by no accident.
 * @throws ConfigInvalidError where an address is not of this machine alone, and that was not asked for, or without TLS
 */
export function checkReach(
  addresses: readonly ListenAddress[],
  { allowRemote, tls }: { allowRemote: boolean; tls: boolean },
): void {
  const remote = addresses.find((address) => address.kind === 'tcp' && !isLoopbackHost(address.host));
  if (remote === undefined) return;
  const address = formatListenAddress(remote);
  if (!allowRemote) {
    throw invalid('--listen', `${address} can be reached from other machines; give --allow-remote too if they may`);
  }
  if (!tls)
    throw invalid(
      '--listen',
      `${address} can be reached from other machines, which takes TLS: name a certificate and a key`,
    );
}

function invalid(path: string, message: string): ConfigInvalidError {
  return new ConfigInvalidError([{ path, message }]);
}
