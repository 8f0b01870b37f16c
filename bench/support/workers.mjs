import { fork } from 'node:child_process';
import { once } from 'node:events';
import { PEER_PROGRAM } from './peers.mjs';

const MAX_LIFE_MS = 300_000;

/** A process of a peer, in a home of its own; `ask` gives what its work came to. */
export function startPeer(key, { env, folder }) {
  const child = fork(PEER_PROGRAM, [key], { env, cwd: folder, timeout: MAX_LIFE_MS });
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${key} ended with ${code ?? signal}`);
  });
  ended.catch(() => undefined);
  return {
    async ask(work, options = {}) {
      child.send({ work, ...options });
      const [{ result, error }] = await Promise.race([once(child, 'message'), ended]);
      if (error !== undefined) throw new Error(`${key}: ${error}`);
      return result;
    },
    stop: () => child.kill(),
  };
}
