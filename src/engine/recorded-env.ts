import type { Env } from '../config/interpolate.js';

/**
 * An environment that tells which variables were asked for, unset ones included.
 * @param onRead told of each name and its value, before whoever asked gets it
 */
export function recordedEnv(env: Env, onRead: (name: string, value: string | undefined) => void): Env {
  return new Proxy(env, {
    get(target, name) {
      const value = Reflect.get(target, name) as string | undefined;
      if (typeof name === 'string') onRead(name, value);
      return value;
    },
  });
}
