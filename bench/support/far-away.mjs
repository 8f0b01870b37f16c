import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/**
 * A TCP relay on 127.0.0.1 that makes `port` seem `roundTripMs` away: each direction takes half of it, and a connection a
 * round trip before its first byte. The kernel says at once that it is connected, so what a client sends by then leaves as
 * if it had waited for the handshake.
 */
export async function startFarAway(port, roundTripMs) {
  const half = roundTripMs / 2;
  const sockets = new Set();
  let connections = 0;
  const server = createServer({ noDelay: true }, (client) => {
    connections++;
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    relay(client, upstream, half, performance.now() + roundTripMs);
    relay(upstream, client, half, 0);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  function drop() {
    for (const socket of sockets) socket.destroy();
  }
  return {
    port: server.address().port,
    connections: () => connections,
    /** Ends all connections, so that the next one is a new one. */
    drop,
    async stop() {
      server.close();
      drop();
      await once(server, 'close');
    },
  };
}

/** @param notBefore nothing leaves before it; milliseconds of `performance.now()` */
function relay(from, to, delayMs, notBefore) {
  const queue = [];
  function push(action) {
    queue.push({ at: Math.max(performance.now(), notBefore) + delayMs, action });
    if (queue.length === 1) wait();
  }
  function wait() {
    setTimeout(deliver, queue[0].at - performance.now());
  }
  function deliver() {
    // A timer may fire a part of a millisecond early.
    while (queue.length > 0 && queue[0].at - performance.now() < 1) queue.shift().action();
    if (queue.length > 0) wait();
  }
  from.on('data', (chunk) => push(() => to.destroyed || to.write(chunk)));
  from.on('close', () => push(() => to.destroySoon()));
}
