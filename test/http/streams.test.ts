import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { fetch as undiciFetch } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { createTokenDispatcher, createTokenFetch, type TokenGiver } from '../../src/http/index.js';
import { createHttpFixture } from './fixture.js';

const fixture = createHttpFixture();
afterEach(() => fixture.closeAll());

const CHUNK = 64 * 1024;
const CHUNKS = (50 * 1024 * 1024) / CHUNK;
/** What sockets and streams of both ends may hold; far below the 50 MiB. */
const MAX_AHEAD = 12 * 1024 * 1024;

type Send = (
  provider: TokenGiver,
  origin: string,
  body: () => AsyncGenerator<Buffer>,
) => Promise<AsyncIterable<Uint8Array>>;

const clients: [string, Send][] = [
  [
    'the interceptor',
    async (provider, origin, body) => {
      const dispatcher = await createTokenDispatcher(provider, { allowedOrigins: [origin] });
      fixture.onClose(() => dispatcher.destroy());
      return (await dispatcher.request({ origin, path: '/', method: 'POST', body: Readable.from(body()) })).body;
    },
  ],
  [
    'the global fetch',
    async (provider, origin, body) => {
      const init = { method: 'POST', body: Readable.toWeb(Readable.from(body())), duplex: 'half' } as RequestInit;
      const response = await createTokenFetch(provider, { allowedOrigins: [origin] })(origin, init);
      return response.body as ReadableStream<Uint8Array>;
    },
  ],
  [
    "undici's fetch",
    async (provider, origin, body) => {
      const tokenFetch = createTokenFetch(provider, { allowedOrigins: [origin], fetch: undiciFetch });
      const response = await tokenFetch(origin, { method: 'POST', body: body(), duplex: 'half' });
      return response.body as unknown as AsyncIterable<Uint8Array>;
    },
  ],
];

describe.each(clients)('50 MiB, up and down again, by %s', (_name, send) => {
  it('never lie in memory whole: neither end is far ahead of the other', { timeout: 30_000 }, async () => {
    let made = 0;
    let read = 0;
    let aheadUp = 0;
    let aheadDown = 0;
    // The server hands each piece back before it reads the next.
    let arrived = 0;
    const server = createServer(async (request, response) => {
      for await (const chunk of request) {
        arrived += chunk.length;
        aheadUp = Math.max(aheadUp, made - arrived);
        if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
      }
      response.end();
    });
    const origin = `http://127.0.0.1:${await fixture.listen(server)}`;
    const body = await send(fixture.provider(), origin, async function* () {
      const chunk = Buffer.alloc(CHUNK, 'x');
      for (let count = 0; count < CHUNKS; count++) {
        made += CHUNK;
        yield chunk;
      }
    });
    for await (const chunk of body) {
      read += chunk.length;
      aheadDown = Math.max(aheadDown, arrived - read);
    }
    expect([made, arrived, read]).toEqual([CHUNKS * CHUNK, CHUNKS * CHUNK, CHUNKS * CHUNK]);
    expect(aheadUp).toBeLessThan(MAX_AHEAD);
    expect(aheadDown).toBeLessThan(MAX_AHEAD);
  });
});
