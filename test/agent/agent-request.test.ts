import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AgentRequest } from '../../src/agent/agent-request.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = (body: string) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
/** More than a stream holds before it stops its socket, and still one piece of the network. */
const PIECE = 'x'.repeat(30_000);
const MUCH = 'x'.repeat(100_000);

/** Answers each request at once, its body unread. */
async function startServer() {
  const requests: IncomingMessage[] = [];
  const server = createServer({ IncomingMessage: AgentRequest }, (request, response) => {
    requests.push(request);
    response.end(`<${requests.length}>`);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let received = '';
  socket.setEncoding('latin1').on('data', (text) => {
    received += text;
  });
  return {
    requests,
    send: (text: string) => socket.write(text),
    async answers(count: number): Promise<void> {
      while (!received.includes(`<${count}>`)) await once(socket, 'data');
    },
  };
}

describe('a request whose body nobody reads', () => {
  it('is not run to its end where it has none', async () => {
    const { requests, send, answers } = await startServer();
    for (const count of [1, 2, 3]) {
      send(GET);
      await answers(count);
    }
    expect(requests.map(({ complete, readableEnded }) => ({ complete, readableEnded }))).toEqual(
      Array(3).fill({ complete: true, readableEnded: false }),
    );
  });

  it.each([
    ['small', 'x'],
    ['that stops its socket', PIECE],
    ['in several pieces', MUCH],
  ])('keeps the connection, with a body %s', async (_, body) => {
    const { send, answers } = await startServer();
    send(POST(body));
    await answers(1);
    send(GET);
    await answers(2);
  });

  it('keeps the connection, with a body that comes after the answer', async () => {
    const { send, answers } = await startServer();
    const whole = POST(MUCH);
    send(whole.slice(0, 200));
    await answers(1);
    send(whole.slice(200) + GET);
    await answers(2);
  });

  it('may be one of several that came in one piece', async () => {
    const { send, answers } = await startServer();
    send(GET + POST('x') + GET + POST(PIECE) + GET);
    await answers(5);
  });
});
