import { isJsonObject } from './json.js';

const NAMES = ['profile', 'env', 'cwd', 'onWarning', 'onEvent', 'clock', 'random'] as const;

export type ProviderOption = (typeof NAMES)[number];

const CLOCK_METHODS = ['now', 'monotonic', 'setTimer'];

/** @throws TypeError that names the argument or the option; callers without types get no other warning */
export function checkProviderArguments(config: unknown, deps: unknown): void {
  if (config !== undefined && typeof config !== 'string' && !isJsonObject(config)) {
    throw new TypeError("createTokenProvider takes a config file's path, a config object, or nothing");
  }
  if (!isJsonObject(deps)) throw new TypeError("createTokenProvider's second argument must be an object");
  const unknown = Object.keys(deps).find((key) => !NAMES.some((name) => name === key));
  if (unknown !== undefined) {
    throw new TypeError(`createTokenProvider has no option "${unknown}"; it takes ${NAMES.join(', ')}`);
  }
  const { env, clock } = deps;
  for (const name of ['profile', 'cwd']) mustBe(name, deps[name], 'string', 'a text');
  for (const name of ['onWarning', 'onEvent', 'random']) mustBe(name, deps[name], 'function', 'a function');
  if (env !== undefined && !isJsonObject(env)) throw new TypeError('env must be an object of texts');
  const isClock = isJsonObject(clock) && CLOCK_METHODS.every((name) => typeof clock[name] === 'function');
  if (clock !== undefined && !isClock) throw new TypeError('clock must be an object with now, monotonic and setTimer');
}

function mustBe(name: string, value: unknown, type: 'string' | 'function', words: string): void {
  if (value !== undefined && typeof value !== type) throw new TypeError(`${name} must be ${words}`);
}
