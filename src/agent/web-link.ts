import { type RequestOptions, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { ConfigInvalidError, ImsvaultError } from '../errors.js';
import { formatListenAddress, hostInUrl, type ListenAddress } from '../net/listen-address.js';
import { type Redacted, reveal } from '../redacted.js';

/** Where an agent is asked. */
export type AgentAddress =
  | ListenAddress
  | {
      readonly kind: 'https';
      readonly url: URL;
      /** PEM of the authorities to be believed. Default: those of Node. */
      readonly ca?: Buffer;
    };

/** Longer than a busy agent takes. */
const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 16 * 1024;

/**
 * Asks a running agent for a link to its status page, which works once within a minute.
 * @param accessToken the content of the agent's token file
 * @throws ERR_AGENT_UNAVAILABLE when none answers, ERR_CONFIG_INVALID when it refuses, `signal.reason`
 */
export async function requestWebLink(
  address: AgentAddress,
  accessToken: Redacted<string>,
  signal: AbortSignal,
): Promise<string> {
  const { status, body } = await post(address, '/v1/web-code', accessToken, signal);
  const url = status === 200 ? linkIn(body) : undefined;
  if (url !== undefined) return url;
  const at = nameOf(address);
  if (status === 403) {
    throw new ConfigInvalidError([{ path: '--token-file', message: `does not hold the token of the agent at ${at}` }]);
  }
  if (status === 409) {
    throw new ConfigInvalidError([{ path: '--agent', message: `the agent at ${at} has no TCP address for a browser` }]);
  }
  throw new ImsvaultError(
    'ERR_AGENT_UNAVAILABLE',
    `what answers at ${at} is no agent of imsvault, or is busy (${status})`,
  );
}

/** Only a link that a browser may be sent to: what answers may be anything. */
function linkIn(body: string): string | undefined {
  try {
    const { url } = JSON.parse(body) as { url?: unknown };
    const isLink = typeof url === 'string' && /^https?:\/\/[\w.:[\]-]+\/login\?code=[\w-]{43}$/.test(url);
    return isLink ? url : undefined;
  } catch {
    return undefined;
  }
}

function post(
  address: AgentAddress,
  path: string,
  accessToken: Redacted<string>,
  signal: AbortSignal,
): Promise<{ status: number; body: string }> {
  const { host, ...where } = wayTo(address);
  const headers = { host, 'content-length': '0' };
  const start = address.kind === 'https' ? requestTls : request;
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(signal.reason);
      else reject(noAnswer(address, error.code ?? 'unknown error'));
    };
    const asked = start({ ...where, path, method: 'POST', headers, agent: false, signal, timeout: TIMEOUT_MS });
    // Not among the options: those go on to the socket, and NODE_DEBUG=net prints them.
    asked.setHeader('x-imsvault-token', reveal(accessToken));
    asked.once('timeout', () => asked.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })));
    asked.once('error', failed);
    asked.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > MAX_ANSWER_BYTES) response.destroy(Object.assign(new Error(), { code: 'EMSGSIZE' }));
      });
      response.once('error', failed);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.end();
  });
}

function wayTo(address: AgentAddress): RequestOptions & { host: string } {
  switch (address.kind) {
    case 'unix':
      return { socketPath: address.path, host: 'localhost' };
    case 'tcp':
      return { hostname: address.host, port: address.port, host: `${hostInUrl(address.host)}:${address.port}` };
    case 'https': {
      const { hostname, port, host } = address.url;
      const ca = address.ca === undefined ? {} : { ca: address.ca };
      return { hostname: hostname.replace(/^\[|\]$/g, ''), port: port || 443, host, ...ca };
    }
  }
}

const nameOf = (address: AgentAddress) =>
  address.kind === 'https' ? address.url.origin : formatListenAddress(address);

function noAnswer(address: AgentAddress, code: string): ImsvaultError {
  return new ImsvaultError('ERR_AGENT_UNAVAILABLE', `no agent answers at ${nameOf(address)} (${code})`, {
    hint: 'See that imsvault serve runs there; --agent names another address, as its --listen does, or https://HOST:PORT where it has agent.tls.',
  });
}
