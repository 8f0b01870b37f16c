import axios from 'axios';
import { createAuthorizer } from 'imsvault/http';

export function createAxios(provider, options, config) {
  const authorize = createAuthorizer(provider, options);
  // axios follows redirects to other hosts with the API key.
  const client = axios.create({ baseURL: 'https://fusion.adobe.io', maxRedirects: 0, ...config });
  client.interceptors.request.use(async (request) => {
    if (request.headers.has('authorization')) return request;
    request.sent = await authorize(client.getUri(request), { signal: request.signal });
    request.headers.set(request.sent?.headers ?? {}, false);
    return request;
  });
  client.interceptors.response.use(undefined, async (error) => {
    const { response, config: request } = error;
    // A stream cannot be sent again.
    if (response?.status !== 401 || !request.sent || typeof request.data?.pipe === 'function') throw error;
    const again = await authorize(client.getUri(request), { rejected: request.sent.token, signal: request.signal });
    if (again === undefined) throw error;
    return client.request({ ...request, sent: undefined, headers: request.headers.concat(again.headers) });
  });
  return client;
}
