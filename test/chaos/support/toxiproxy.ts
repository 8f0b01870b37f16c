import { findBinary, freePort, startServer } from '../../live/servers/process.js';

const HOW_TO_GET =
  'run: GOBIN=DIR go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0 && mv DIR/server DIR/toxiproxy-server';

/** What happens to the bytes of a connection. See the README of Shopify/toxiproxy. */
export interface Toxic {
  type: 'latency' | 'timeout' | 'slicer' | 'reset_peer';
  /** `downstream`: what the server sends. */
  stream: 'upstream' | 'downstream';
  attributes: Readonly<Record<string, number>>;
}

/** A TCP relay that can be made to misbehave. */
export interface ToxicProxy {
  readonly port: number;
  /** Also for connections that are open. */
  add(toxics: readonly Toxic[]): Promise<void>;
  /** Closes the port, and what is open. */
  refuse(): Promise<void>;
  /** Takes away what the two others did. */
  restore(): Promise<void>;
}

export interface Toxiproxy {
  createProxy(upstreamPort: number): Promise<ToxicProxy>;
  close(): Promise<void>;
}

/** A server of one's own. @throws where it is not installed, with how to get it */
export async function startToxiproxy(): Promise<Toxiproxy> {
  const command = findBinary('toxiproxy-server', 'IMSVAULT_TEST_TOXIPROXY_BIN', HOW_TO_GET);
  const port = await freePort();
  const api = `http://127.0.0.1:${port}`;
  const args = ['-host', '127.0.0.1', '-port', String(port)];
  const server = await startServer({ name: 'toxiproxy', command, args, readyUrl: `${api}/version` });
  let created = 0;

  async function ask(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(api + path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await response.text();
    if (!response.ok) throw new Error(`toxiproxy: ${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  return {
    async createProxy(upstreamPort) {
      const name = `link-${++created}`;
      const proxy = { name, listen: '127.0.0.1:0', upstream: `127.0.0.1:${upstreamPort}`, enabled: true };
      const { listen } = (await ask('POST', '/proxies', proxy)) as { listen: string };
      const toxics: string[] = [];
      let refused = false;
      return {
        port: Number(listen.split(':').at(-1)),
        async add(added) {
          for (const { type, stream, attributes } of added) {
            const toxic = `${type}-${stream}`;
            toxics.push(toxic);
            await ask('POST', `/proxies/${name}/toxics`, { name: toxic, type, stream, toxicity: 1, attributes });
          }
        },
        async refuse() {
          refused = true;
          await ask('POST', `/proxies/${name}`, { enabled: false });
        },
        async restore() {
          for (const toxic of toxics.splice(0)) await ask('DELETE', `/proxies/${name}/toxics/${toxic}`);
          if (refused) await ask('POST', `/proxies/${name}`, { enabled: true });
          refused = false;
        },
      };
    },
    close: () => server.stop(),
  };
}
