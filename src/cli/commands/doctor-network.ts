import { lookup } from 'node:dns/promises';
import type { Clock } from '../../clock.js';
import { ImsvaultError, vendorCause } from '../../errors.js';
import type { HttpClient } from '../../net/http-client.js';
import { isLoopbackHost } from '../../net/loopback.js';
import { describeNetworkError } from '../../net/network-error.js';
import { type ProxySettings, proxyFor } from '../../net/proxy-settings.js';
import type { Finding } from '../checkup.js';
import { describeSkew } from './doctor-skew.js';

/**
 * Whether the token endpoint's host can be reached: name, proxy, TLS, an HTTP answer, its clock. Sends no credential.
 * @throws ERR_TOKEN_ENDPOINT_UNAVAILABLE
 */
export async function checkImsNetwork(
  tokenEndpoint: string,
  http: HttpClient,
  proxy: ProxySettings,
  clock: Clock,
  signal: AbortSignal,
): Promise<Finding> {
  const url = new URL(tokenEndpoint);
  const viaProxy = isLoopbackHost(url.hostname) ? undefined : proxyFor(proxy, url);
  try {
    const way =
      viaProxy === undefined ? await resolveHost(url.hostname) : `through the proxy ${new URL(viaProxy).host}`;
    const response = await http.request({ method: 'GET', url: `${url.origin}/`, signal });
    const date = Date.parse(response.headers.date ?? '');
    const skew = describeSkew(Number.isNaN(date) ? undefined : date, clock.now());
    const emulator = response.headers['x-ims-emulator'] === undefined ? '' : ', an emulator and not Adobe';
    const security = url.protocol === 'https:' ? 'TLS is fine' : 'plain http on loopback';
    return { detail: `${url.host} ${way}, ${security}${emulator}${skew.text}`, warning: skew.warning };
  } catch (error) {
    signal.throwIfAborted();
    const fault = describeNetworkError(error);
    throw new ImsvaultError(
      'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
      `${url.host}: ${fault?.message ?? 'the request failed'}`,
      {
        cause: vendorCause(error),
        hint: fault?.hint,
      },
    );
  }
}

async function resolveHost(hostname: string): Promise<string> {
  const addresses = await lookup(hostname.replace(/^\[|\]$/g, ''), { all: true });
  return `at ${addresses
    .map(({ address }) => address)
    .slice(0, 3)
    .join(', ')}`;
}
