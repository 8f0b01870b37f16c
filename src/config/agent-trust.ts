import { dirname, sep } from 'node:path';
import type { JsonObject } from '../json.js';
import { isLoopbackHost } from '../net/loopback.js';
import { resolvePath } from '../secret/secret-file.js';
import { getAt, isObject, type Path } from './tree.js';
import { REMEDY, realPath } from './trust.js';

type Found = { path: Path; message: string }[];

/** What gives a token to others than the agent's user, or runs code. */
const NEVER = ['allowRemote', 'hostNames', 'tls', 'group', 'tokenFile'];
const NEVER_IN_SINKS = ['template', 'owner', 'group'];

/**
 * What the `agent` of a file found by search may not say: to listen for other machines or users, to run code, to write
 * outside its folder, to let others read what it writes.
 */
export function findDistrustedAgent(agent: JsonObject, baseDir: string): Found {
  const refused = (path: Path, message: string) => ({
    path,
    message: `a file found by search may not ${message}; ${REMEDY}`,
  });
  const isInside = (file: unknown) => {
    if (typeof file !== 'string') return true;
    // The file is to be made: what counts is where its folder really is.
    return `${realPath(dirname(resolvePath(file, baseDir)))}${sep}`.startsWith(`${realPath(baseDir)}${sep}`);
  };
  const writes = (path: Path, file: unknown) => (isInside(file) ? [] : [refused(path, 'write outside its folder')]);
  const only = (path: Path, value: unknown) => {
    if (value === undefined || value === '0600' || value === '600' || value === '0400') return [];
    return [refused(path, 'let others read a token')];
  };
  const listens = (key: string) =>
    [getAt(agent, [key]) ?? []].flat().flatMap((address) => {
      if (typeof address !== 'string') return [];
      if (address.startsWith('unix:')) return writes([key], address.slice('unix:'.length));
      const host = address.replace(/:\d*$/, '');
      return isLoopbackHost(host) ? [] : [refused([key], 'open the agent to other machines')];
    });
  const sinks = Array.isArray(agent.sinks) ? agent.sinks : [];
  return [
    ...NEVER.filter((key) => agent[key] !== undefined && agent[key] !== false).map((key) =>
      refused([key], 'set this, because others than you could reach the token'),
    ),
    ...listens('listen'),
    ...listens('healthListen'),
    ...only(['tokenFileMode'], agent.tokenFileMode),
    ...sinks.flatMap((sink: unknown, index) => {
      if (!isObject(sink)) return [];
      const at = (key: string): Path => ['sinks', index, key];
      return [
        ...NEVER_IN_SINKS.filter((key) => sink[key] !== undefined).map((key) =>
          refused(
            at(key),
            key === 'template' ? 'name a template, because its code would run' : 'give a token to others',
          ),
        ),
        ...writes(at('path'), sink.path),
        ...only(at('mode'), sink.mode),
      ];
    }),
  ];
}
