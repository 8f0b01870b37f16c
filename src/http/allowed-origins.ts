import type { ConfigProblem } from '../errors.js';
import { isLoopbackHost } from '../net/loopback.js';

/** Every API of Adobe behind its gateway, Workfront Fusion's among them. */
export const DEFAULT_ALLOWED_ORIGINS: readonly string[] = ['https://*.adobe.io'];

/**
 * Hosts that run customers' code: I/O Runtime (App Builder) and API Mesh, whose resolvers and sources see a request's
 * headers. No wildcard reaches them; one of them can be named as it is.
 */
const CUSTOMERS_CODE = /(^|[.-])(runtime|graph)\.adobe\.io$|(^|\.)adobeio(runtime|-static)\.net$/;

const WILDCARD = /^https:\/\/\*\.((?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*)(:\d{1,5})?$/i;

const FORMS =
  'an origin is https://host, https://*.example.com for the hosts below it, or http:// with a loopback host';

export interface AllowedOrigins {
  /** Whether a URL is at one of them. */
  include(url: URL): boolean;
  readonly problems: readonly ConfigProblem[];
}

/** @param list entries of `allowedOrigins`, of any type */
export function parseAllowedOrigins(list: unknown): AllowedOrigins {
  const exact = new Set<string>();
  const wildcards: URL[] = [];
  const problems: ConfigProblem[] = [];
  if (!Array.isArray(list)) problems.push({ path: 'allowedOrigins', message: `expected a list; ${FORMS}` });
  for (const [index, entry] of (Array.isArray(list) ? (list as unknown[]) : []).entries()) {
    const parsed = parseEntry(entry);
    if (typeof parsed === 'string') problems.push({ path: `allowedOrigins[${index}]`, message: parsed });
    else if (parsed.isWildcard) wildcards.push(parsed.url);
    else exact.add(parsed.url.origin);
  }

  function include({ origin, protocol, hostname, port }: URL): boolean {
    if (exact.has(origin)) return true;
    if (protocol !== 'https:' || CUSTOMERS_CODE.test(hostname)) return false;
    return wildcards.some((wildcard) => hostname.endsWith(`.${wildcard.hostname}`) && port === wildcard.port);
  }

  return { include, problems };
}

function parseEntry(entry: unknown): { url: URL; isWildcard: boolean } | string {
  if (typeof entry !== 'string') return `expected a string; ${FORMS}`;
  const [, suffix, port = ''] = WILDCARD.exec(entry) ?? [];
  const text = suffix === undefined ? entry : `https://${suffix}${port}`;
  if (!URL.canParse(text) || text.includes('*')) return FORMS;
  const url = new URL(text);
  if (suffix !== undefined && CUSTOMERS_CODE.test(url.hostname)) {
    return "hosts that run customers' code are not allowed by a wildcard; name each";
  }
  if (url.href !== `${url.origin}/`) return 'an origin has no path, query or login';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))) {
    return { url, isWildcard: suffix !== undefined };
  }
  return FORMS;
}
