import axios from 'axios';
import { createAuthorizer } from 'imsvault/http';

export function createAxios(provider, options, config) {
  const authorize = createAuthorizer(provider, options);
  // Without redirects: axios takes the API key along to other hosts.
  const client = axios.create({ baseURL: 'https://fusion.adobe.io', maxRedirects: 0, ...config });
  client.interceptors.request.use(async (request) => {
    const { headers, signal } = request;
    if (!headers.has('authorization')) request.sent = await authorize(client.getUri(request), { signal });
    headers.set(request.sent?.headers ?? {}, false);
    return request;
  });
  client.interceptors.response.use(undefined, async (error) => {
    const { sent, ...request } = error.config ?? {};
    // A stream cannot be sent again.
    if (error.response?.status !== 401 || !sent || request.data?.pipe) throw error;
    const again = await authorize(client.getUri(request), { rejected: sent.token, signal: request.signal });
    if (!again) throw error;
    return client.request({ ...request, headers: request.headers.concat(again.headers) });
  });
  return client;
}
