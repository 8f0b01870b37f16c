import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** `pass` relays; `reset` resets connections, open ones too; `hang` takes what the client sends and answers nothing. */
export type ProxyMode = 'pass' | 'reset' | 'hang';

export interface FaultProxy {
  port: number;
  /** When each connection came, milliseconds of `performance.now()`. */
  connections: number[];
  /** Takes effect at once, also on connections that are kept alive. */
  setMode(mode: ProxyMode): void;
  close(): Promise<void>;
}

/** A TCP relay on 127.0.0.1 before a real server, to make the network between them misbehave. TLS passes through. */
export async function startFaultProxy(target: { host?: string; port: number }): Promise<FaultProxy> {
  let mode: ProxyMode = 'pass';
  const connections: number[] = [];
  const pairs = new Map<Socket, Socket | undefined>();

  function drop(client: Socket): void {
    pairs.get(client)?.destroy();
    pairs.delete(client);
    client.resetAndDestroy();
  }

  const server = createServer((client) => {
    connections.push(performance.now());
    client.on('error', () => undefined);
    client.on('close', () => {
      pairs.get(client)?.destroy();
      pairs.delete(client);
    });
    if (mode === 'reset') {
      client.resetAndDestroy();
      return;
    }
    if (mode === 'hang') {
      pairs.set(client, undefined);
      client.resume();
      return;
    }
    const upstream = connect(target.port, target.host ?? '127.0.0.1');
    pairs.set(client, upstream);
    upstream.on('error', () => client.destroy());
    upstream.on('close', () => {
      if (pairs.has(client) && mode !== 'hang') client.destroy();
    });
    client.on('data', (chunk) => {
      if (mode === 'pass') upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (mode === 'pass') client.write(chunk);
    });
    client.on('end', () => upstream.end());
    upstream.on('end', () => {
      if (mode === 'pass') client.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');

  return {
    port: address.port,
    connections,
    setMode(next) {
      // Bytes that were swallowed do not come back: a connection that has hung ends with the fault.
      if (next === 'reset' || (mode === 'hang' && next === 'pass'))
        for (const client of [...pairs.keys()]) drop(client);
      mode = next;
    },
    async close() {
      for (const client of [...pairs.keys()]) drop(client);
      server.close();
      await once(server, 'close');
    },
  };
}
