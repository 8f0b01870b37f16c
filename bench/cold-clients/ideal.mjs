// What the network alone takes: the read over a new connection, and the exchange over one that was open before.
import { Agent } from 'node:https';
import { call, coldToken as coldTokenWith } from './node-http.mjs';

let agent;

export async function prepare({ TOKEN_ENDPOINT }) {
  agent?.destroy();
  agent = new Agent({ keepAlive: true });
  await call(new URL('/health', TOKEN_ENDPOINT).href, { agent });
}

export const coldToken = (env) => coldTokenWith(env, agent);
