import type { Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { TokenRequestOptions } from './request-rules.js';
import { createTokenInterceptor } from './token-interceptor.js';
import type { TokenGiver } from './token-source.js';

/**
 * A dispatcher of undici 7 with the interceptor in it, for `request(url, { dispatcher })`. It heeds `HTTPS_PROXY`,
 * `HTTP_PROXY` and `NO_PROXY` as undici does. Loads undici.
 * @param agent undici's options for its connections, such as `connect: { ca }` or `allowH2`
 * @throws ERR_CONFIG_INVALID for options
 */
export async function createTokenDispatcher(
  provider: TokenGiver,
  options: TokenRequestOptions = {},
  agent: EnvHttpProxyAgent.Options = {},
): Promise<Dispatcher> {
  const interceptor = createTokenInterceptor(provider, options);
  const { EnvHttpProxyAgent } = await import('undici');
  return new EnvHttpProxyAgent(agent).compose(interceptor);
}
