// Hosts on one machine: each a network namespace of its own, on a bridge in the root namespace.
import { execFileSync } from 'node:child_process';

/** Where the block for the bridge is looked for: 10.213.0.0/24 and up. */
const FIRST_OCTET = 213;
const MAX_HOSTS = 200;

function ip(...args) {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Why this machine cannot have namespaces; undefined where it can. */
export function hostsProblem() {
  if (process.platform !== 'linux') return 'network namespaces exist on Linux only';
  if (process.getuid() !== 0) return 'network namespaces need root';
  const probe = `imsvault-${process.pid}-probe`;
  try {
    ip('netns', 'add', probe);
    ip('netns', 'delete', probe);
    return undefined;
  } catch (error) {
    if (error.code === 'ENOENT') return 'network namespaces need the program ip (package iproute2)';
    return `this machine gives no network namespaces: ${String(error.stderr).trim()}`;
  }
}

/** @returns three octets that no route of this machine uses */
function freeBlock() {
  const routes = ip('route', 'show', 'table', 'all');
  for (let octet = FIRST_OCTET; octet < 255; octet++) {
    if (!routes.includes(`10.${octet}.`)) return `10.${octet}.0`;
  }
  throw new Error('no free block of addresses in 10.213.0.0 to 10.254.0.0');
}

/**
 * @param count 1–200
 * @returns `address`: the root namespace's, for servers; `command(host, …)`: what runs a program on a host, 0 ≤ host <
 *   count. `remove()` can be called more than once, and also runs when this process exits.
 */
export function createHosts(count) {
  if (!(count >= 1 && count <= MAX_HOSTS)) throw new RangeError(`1 to ${MAX_HOSTS} hosts`);
  const block = freeBlock();
  const bridge = `ivb${process.pid}`;
  const namespace = (host) => `imsvault-${process.pid}-${host}`;
  const made = [];

  function remove() {
    for (const undo of made.splice(0).reverse()) {
      try {
        ip(...undo);
      } catch {
        // The rest must go all the same.
      }
    }
  }
  process.once('exit', remove);

  try {
    ip('link', 'add', 'name', bridge, 'type', 'bridge');
    made.push(['link', 'delete', bridge]);
    ip('address', 'add', `${block}.1/24`, 'dev', bridge);
    ip('link', 'set', bridge, 'up');
    for (let host = 0; host < count; host++) {
      const [name, end] = [namespace(host), `iv${process.pid}-${host}`];
      ip('netns', 'add', name);
      made.push(['netns', 'delete', name]);
      ip('link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      made.push(['link', 'delete', end]);
      ip('link', 'set', end, 'master', bridge, 'up');
      ip('-n', name, 'address', 'add', `${block}.${host + 2}/24`, 'dev', 'eth0');
      ip('-n', name, 'link', 'set', 'eth0', 'up');
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
  } catch (error) {
    remove();
    throw new Error(`the namespaces could not be made: ${String(error.stderr ?? error).trim()}`);
  }
  return {
    address: `${block}.1`,
    command: (host, program, args) => ['ip', ['netns', 'exec', namespace(host), program, ...args]],
    remove,
  };
}
