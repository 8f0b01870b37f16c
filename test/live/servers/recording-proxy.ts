import { once } from 'node:events';
import { createServer, request as sendHttp } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RecordingProxy {
  url: string;
  /** `GET /v1/secret/data/ims/fusion 200`, in order. */
  requests: string[];
  close(): Promise<void>;
}

/** Passes plain http on to `target`, an origin, and writes down what was asked. `host` is where it listens. */
export async function startRecordingProxy(target: string, host = '127.0.0.1'): Promise<RecordingProxy> {
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method, url = '/', headers } = incoming;
    const upstream = sendHttp(new URL(url, target), { method, headers }, (answer) => {
      requests.push(`${method} ${url} ${answer.statusCode}`);
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    upstream.on('error', () => outgoing.destroy());
    incoming.pipe(upstream);
  });
  server.listen(0, host);
  await once(server, 'listening');
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
