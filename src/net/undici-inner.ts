// What is needed of undici, and no more: its entry loads a fetch, mocks, caches and WebSockets too, which take three
// times the time and twice the memory. scripts/build.mjs bundles these files, so no update of undici can move them.
import connect from 'undici/lib/api/api-connect.js';
import request from 'undici/lib/api/api-request.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';

export { default as Agent } from 'undici/lib/dispatcher/agent.js';
export { default as Pool } from 'undici/lib/dispatcher/pool.js';
export { default as ProxyAgent } from 'undici/lib/dispatcher/proxy-agent.js';

// As the entry does it; ProxyAgent uses the other.
Object.assign(Dispatcher.prototype, { request, connect });
