import got from 'got';
import { createAuthorizer } from 'imsvault/http';

export function createGot(provider, options, config) {
  const authorize = createAuthorizer(provider, options);
  return got.extend({
    prefixUrl: 'https://fusion.adobe.io',
    followRedirect: false, // got follows redirects to other hosts with the API key
    hooks: {
      beforeRequest: [
        async (request) => {
          if (request.headers.authorization !== undefined) return;
          const sent = await authorize(request.url, { signal: request.signal });
          request.context.sent = sent;
          request.headers = { ...sent?.headers, ...request.headers };
        },
      ],
      afterResponse: [
        async (response, retry) => {
          const { context, url, signal, body } = response.request.options;
          const { sent } = context;
          // A stream cannot be sent again.
          if (response.statusCode !== 401 || !sent || typeof body?.pipe === 'function') return response;
          const again = await authorize(url, { rejected: sent.token, signal });
          return again === undefined ? response : retry({ headers: again.headers, context: { sent: undefined } });
        },
      ],
    },
    ...config,
  });
}
