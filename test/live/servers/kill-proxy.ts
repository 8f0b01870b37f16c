import { once } from 'node:events';
import { createServer, type IncomingMessage, request as sendHttp } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A moment in what one process asks of one server. */
export interface KillPoint {
  /** `POST /v1/secret/data/x` or, of AWS, the action. */
  matches: (request: string) => boolean;
  /** At the n-th request that matches, 1 or more. */
  nth: number;
  /** `request`: before it is passed on; `answer`: it has taken place, and its answer is not passed on. */
  before: 'request' | 'answer';
}

export interface KillProxy {
  url: string;
  /** What was passed on, in order. */
  requests: string[];
  /** Whether the point was reached and `kill` has ended. */
  hasKilled(): boolean;
  close(): Promise<void>;
}

/** Passes plain http on to `target`, an origin, and calls `kill` at `point`, once. Without a point it only passes on. */
export async function startKillProxy(
  target: string,
  point: KillPoint | undefined,
  kill: () => Promise<void>,
): Promise<KillProxy> {
  let count = 0;
  let killed = false;
  const requests: string[] = [];

  async function pass(incoming: IncomingMessage): Promise<{ answer: IncomingMessage; body: Buffer } | undefined> {
    const body = await bytesOf(incoming);
    const name = nameOf(incoming);
    const isPoint = point?.matches(name) === true && ++count === point.nth;
    const end = async () => {
      await kill();
      killed = true;
      return undefined;
    };
    if (isPoint && point.before === 'request') return end();
    requests.push(name);
    const { method, url = '/', headers } = incoming;
    const upstream = sendHttp(new URL(url, target), { method, headers });
    upstream.end(body);
    const [answer] = (await once(upstream, 'response')) as [IncomingMessage];
    const answered = { answer, body: await bytesOf(answer) };
    return isPoint ? end() : answered;
  }

  const server = createServer((incoming, outgoing) => {
    pass(incoming).then(
      (passed) => {
        if (passed === undefined) outgoing.destroy();
        else outgoing.writeHead(passed.answer.statusCode ?? 502, headersOf(passed.answer)).end(passed.body);
      },
      () => outgoing.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    hasKilled: () => killed,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function nameOf({ method, url, headers }: IncomingMessage): string {
  const action = String(headers['x-amz-target'] ?? '').split('.')[1];
  return action ?? `${method} ${url}`;
}

/** The body goes on in one piece. */
function headersOf({ headers }: IncomingMessage) {
  const { 'transfer-encoding': _coding, 'content-length': _length, ...rest } = headers;
  return rest;
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
