import type { IncomingMessage } from 'node:http';
import { problemReply, type Reply } from './reply.js';

/** What a request's head says, as far as an agent cares. */
export interface RequestHead {
  /** `X-Imsvault-Token`. */
  readonly accessToken: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly cookie: string | undefined;
}

/** A request's body is a name or two. */
export const MAX_BODY_BYTES = 1024;

const close = ['Connection', 'close'];
const TWICE = problemReply(
  400,
  { code: 'ERR_AGENT_REQUEST_INVALID', message: 'a header came twice that may come once' },
  close,
);
const FORWARDED = problemReply(
  400,
  {
    code: 'ERR_AGENT_FORWARDED',
    message: 'this request was forwarded; the agent serves its own machine only',
    hint: 'Ask the agent directly, not through a proxy.',
  },
  close,
);
const WRONG_HOST = problemReply(
  400,
  {
    code: 'ERR_AGENT_HOST',
    message: 'the Host header names another server',
    hint: "Use the agent's own address: 127.0.0.1, [::1] or localhost, with its port.",
  },
  close,
);
const TOO_LARGE = problemReply(
  413,
  { code: 'ERR_AGENT_BODY', message: `a body may have ${MAX_BODY_BYTES} bytes` },
  close,
);
const NO_LENGTH = problemReply(
  411,
  { code: 'ERR_AGENT_BODY', message: 'a body needs a Content-Length; Transfer-Encoding is not accepted' },
  close,
);

/**
 * Reads the head once and refuses what no client of an agent sends: a forwarded request, one that names another host
 * (a web page whose name was rebound to this address), one with a large body.
 * @param hosts the values of `Host` that mean this address, in lower case; undefined: any
 */
export function checkHead(request: IncomingMessage, hosts: ReadonlySet<string> | undefined): RequestHead | Reply {
  const { rawHeaders } = request;
  let host: string | undefined;
  let accessToken: string | undefined;
  let ifNoneMatch: string | undefined;
  let cookie: string | undefined;
  // Not `headers`: that would build an object of all, and drop what came twice.
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    const value = rawHeaders[index + 1] as string;
    switch (name) {
      case 'host':
        if (host !== undefined) return TWICE;
        host = value;
        break;
      case 'x-imsvault-token':
        if (accessToken !== undefined) return TWICE;
        accessToken = value;
        break;
      case 'if-none-match':
        ifNoneMatch = value;
        break;
      case 'cookie':
        cookie = value;
        break;
      case 'content-length':
        if (Number(value) > MAX_BODY_BYTES) return TOO_LARGE;
        break;
      case 'transfer-encoding':
        return NO_LENGTH;
      default:
        if (hosts !== undefined && (name === 'forwarded' || name.startsWith('x-forwarded-'))) return FORWARDED;
    }
  }
  if (hosts !== undefined && !(host !== undefined && hosts.has(host.toLowerCase()))) return WRONG_HOST;
  return { accessToken, ifNoneMatch, cookie };
}
