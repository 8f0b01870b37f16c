import { BlockList, isIP } from 'node:net';
import { ConfigInvalidError, type ConfigProblem } from '../errors.js';

/** Proxy URLs, as the environment gives them. */
export interface ProxySettings {
  /** For `http:` targets. */
  httpProxy?: string;
  /** For `https:` targets. */
  httpsProxy?: string;
  /**
   * Hosts that are reached directly: names, `.suffixes`, `host:port`, addresses, `10.0.0.0/8`, or `*` for all; commas
   * or spaces between them.
   */
  noProxy?: string;
}

/**
 * `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; where both cases are set, the lower case wins, as curl does it.
 * @throws ERR_CONFIG_INVALID naming the variable, never its value: it may hold a login
 */
export function proxySettingsFromEnv(env: Readonly<Record<string, string | undefined>>): ProxySettings {
  const read = (name: string) => env[name.toLowerCase()] || env[name.toUpperCase()];
  const problems = ['http_proxy', 'https_proxy'].flatMap((name): ConfigProblem[] => {
    const message = whyNoProxy(read(name));
    return message === undefined ? [] : [{ path: env[name] ? name : name.toUpperCase(), message }];
  });
  if (problems.length > 0) throw new ConfigInvalidError(problems);
  const settings: ProxySettings = {};
  const httpProxy = read('http_proxy');
  const httpsProxy = read('https_proxy');
  const noProxy = read('no_proxy');
  if (httpProxy) settings.httpProxy = httpProxy;
  if (httpsProxy) settings.httpsProxy = httpsProxy;
  if (noProxy) settings.noProxy = noProxy;
  return settings;
}

/** The proxy's URL for a target, or undefined where it is reached directly. */
export function proxyFor(settings: ProxySettings, url: URL): string | undefined {
  const proxy = url.protocol === 'https:' ? settings.httpsProxy : settings.httpProxy;
  if (proxy === undefined || isExcluded(settings.noProxy ?? '', url)) return undefined;
  return withScheme(proxy);
}

/** curl, git and Go accept "proxy:3128" without a scheme. */
function withScheme(proxy: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

function whyNoProxy(proxy: string | undefined): string | undefined {
  if (!proxy) return undefined;
  try {
    const { protocol, username, password } = new URL(withScheme(proxy));
    if (protocol.startsWith('socks')) return 'SOCKS proxies are not supported; name an HTTP proxy';
    if (protocol !== 'http:' && protocol !== 'https:') return "a proxy's URL starts with http:// or https://";
    decodeURIComponent(username + password);
    return undefined;
  } catch {
    return 'this is not the URL of a proxy, such as http://proxy.example.com:3128';
  }
}

function isExcluded(noProxy: string, url: URL): boolean {
  const host = url.hostname.toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*' || holdsAddress(entry, host.replace(/^\[|\]$/g, ''))) return true;
      const [, name = '', entryPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      if (entryPort !== undefined && entryPort !== port) return false;
      const suffix = name.replace(/^\*?\./, '');
      return host === suffix || host.endsWith(`.${suffix}`);
    });
}

/** An address, or a block of them as curl and Go read it: the usual way to exclude a Kubernetes cluster. */
function holdsAddress(entry: string, host: string): boolean {
  const [network = '', prefix] = entry.split('/');
  const family = isIP(network);
  const longest = family === 4 ? 32 : 128;
  const bits = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Infinity;
  if (family === 0 || bits > longest) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const block = new BlockList();
  block.addSubnet(network, bits, type);
  return block.check(host, type);
}
