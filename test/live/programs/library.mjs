// Calls an API that refuses the first token, and tells what it saw. Usage: node library.mjs CONFIG
import { createServer } from 'node:http';
import { createTokenProvider } from 'imsvault';
import { createTokenFetch } from 'imsvault/http';
import { registerOpenTelemetry } from 'imsvault/otel';

const warnings = [];
const events = [];
const seen = [];
const { active } = await registerOpenTelemetry({ onWarning: (message) => warnings.push(message) });
const api = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  seen.push({ body, authorization: request.headers.authorization, key: request.headers['x-api-key'] });
  response.writeHead(seen.length === 1 ? 401 : 200).end(`answer ${seen.length}`);
}).listen(0, '127.0.0.1');
await new Promise((listening) => api.once('listening', listening));
const url = `http://127.0.0.1:${api.address().port}`;

const provider = createTokenProvider(process.argv[2], { onEvent: ({ type }) => events.push(type) });
const held = await provider.getToken();
const call = createTokenFetch(provider, { allowedOrigins: [url] });
const text = await (await call(`${url}/api`, { method: 'POST', body: 'a body' })).text();
const { accessToken } = await provider.getToken();
const tokens = [held.accessToken, accessToken];
console.log(
  JSON.stringify({ active, warnings, events, seen, text, tokens, printed: `${held} ${JSON.stringify(held)}` }),
);
await provider.close();
api.close();
