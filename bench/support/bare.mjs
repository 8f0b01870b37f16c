import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A bare node:http server in a process of its own, which gives one answer to everybody. */
export async function startBare({ headers, body }) {
  const child = fork(fileURLToPath(new URL('bare-server.mjs', import.meta.url)));
  child.send({ headers, body });
  const [{ port }] = await once(child, 'message');
  return { pid: child.pid, port, stop: () => child.disconnect() };
}
