// The names of the chaos suite, all on this machine. Replaces Node's look-up in this process.
import dns from 'node:dns';
import { DOMAIN } from './trust.js';

/** Names that cannot be resolved now. */
export const unresolved = new Set<string>();
/** How often each name was looked up: once for each try to connect. */
export const lookups = new Map<string, number>();

type Lookup = (hostname: string, options: dns.LookupAllOptions, callback: (...found: unknown[]) => void) => void;

const real = dns.lookup as unknown as Lookup;
const lookup: Lookup = (hostname, options, callback) => {
  if (!hostname.endsWith(`.${DOMAIN}`)) {
    real(hostname, options, callback);
    return;
  }
  lookups.set(hostname, (lookups.get(hostname) ?? 0) + 1);
  setImmediate(() => {
    if (unresolved.has(hostname)) {
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND', hostname }));
    } else if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
    else callback(null, '127.0.0.1', 4);
  });
};
dns.lookup = lookup as unknown as typeof dns.lookup;
