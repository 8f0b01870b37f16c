import got from 'got';
import { createAuthorizer } from 'imsvault/http';

export function createGot(provider, options, config) {
  const authorize = createAuthorizer(provider, options);
  const beforeRequest = async ({ url, headers, signal, context }) => {
    if (headers.authorization) return;
    context.sent = await authorize(url, { signal });
    for (const [name, value] of Object.entries(context.sent?.headers ?? {})) headers[name] ??= value;
  };
  const afterResponse = async (response, retry) => {
    const { url, body, signal, context } = response.request.options;
    // A stream cannot be sent again.
    if (response.statusCode !== 401 || !context.sent || body?.pipe) return response;
    const again = await authorize(url, { rejected: context.sent.token, signal });
    return again ? retry({ headers: again.headers, context: { sent: undefined } }) : response;
  };
  const hooks = { beforeRequest: [beforeRequest], afterResponse: [afterResponse] };
  // Without redirects: got takes the API key along to other hosts.
  return got.extend({ prefixUrl: 'https://fusion.adobe.io', followRedirect: false, hooks, ...config });
}
