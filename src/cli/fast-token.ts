import { writeSync } from 'node:fs';
import { bootTime, systemClock } from '../clock.js';
import { configName, locateConfig } from '../config/find-config.js';
import { parseDuration } from '../duration.js';
import { findCachePlace, readCachedToken } from '../token/cache/token-file.js';
import { VERSION } from '../version.js';
import { EXIT } from './exit-codes.js';
import { OutputFailed, printError } from './print-error.js';
import { formatToken, TOKEN_OUTPUTS, type TokenOutput } from './token-output.js';

/** The plainest shapes of `imsvault token`. */
interface FastRequest {
  output: TokenOutput;
  config?: string;
  profile?: string;
  minTtlMs: number;
}

/**
 * Prints the token that the cache has for this command line, without loading anything else of imsvault.
 * @param argv the process's, with interpreter and script
 * @returns the exit code; undefined: nothing was done, and the whole program has to find out what is to be done
 */
export function printCachedToken(argv: readonly string[], env: NodeJS.ProcessEnv): number | undefined {
  const request = parseRequest(argv.slice(2));
  const uid = process.getuid?.();
  if (request === undefined || uid === undefined) return undefined;
  const text = cachedToken(request, env, uid);
  return text === undefined ? undefined : print(text, request.output === 'json');
}

/** @returns undefined for every word that is not known here, whether or not it is one */
function parseRequest(words: readonly string[]): FastRequest | undefined {
  const given = new Map<string, string>();
  for (let index = 0; index < words.length; index++) {
    const [, option, joined] = /^(--[a-z-]+)(?:=([\s\S]*))?$/.exec(words[index] ?? '') ?? [
      undefined,
      words[index],
      undefined,
    ];
    const name = OPTIONS.get(option ?? '');
    if (name === undefined || given.has(name)) return undefined;
    const value = name === 'token' ? '' : (joined ?? words[++index]);
    if (value === undefined || value.startsWith('-')) return undefined;
    given.set(name, value);
  }
  const output = given.get('output') ?? 'raw';
  const minTtlMs = parseDuration(given.get('min-ttl') ?? '0');
  if (!given.has('token') || !isOutput(output) || minTtlMs === undefined) return undefined;
  const [config, profile] = [given.get('config'), given.get('profile')];
  return {
    output,
    minTtlMs,
    ...(config === undefined ? {} : { config }),
    ...(profile === undefined ? {} : { profile }),
  };
}

const OPTIONS: ReadonlyMap<string, string> = new Map([
  ['token', 'token'],
  ['-o', 'output'],
  ['--output', 'output'],
  ['-c', 'config'],
  ['--config', 'config'],
  ['-p', 'profile'],
  ['--profile', 'profile'],
  ['--min-ttl', 'min-ttl'],
]);

const isOutput = (text: string): text is TokenOutput => (TOKEN_OUTPUTS as readonly string[]).includes(text);

function cachedToken(request: FastRequest, env: NodeJS.ProcessEnv, uid: number): string | undefined {
  const { config, profile, output, minTtlMs } = request;
  const cwd = process.cwd();
  const location = locateConfig({ env, cwd, ...(config === undefined ? {} : { configPath: config }) });
  const facts = { version: VERSION, uid, config: configName(location, cwd), profile, set: [], env };
  const place = findCachePlace(facts);
  const now = systemClock.now();
  const cached = place === undefined ? undefined : readCachedToken(place, env, now, bootTime()).cached;
  if (cached === undefined || (cached.phase !== 'fresh' && !cached.isPaused)) return undefined;
  const { token } = cached;
  return token.expiresAt - now < minTtlMs ? undefined : formatToken(token, output, 'cache', now, env);
}

/** All of `text`: a pipe may take a part, or nothing just now. */
function print(text: string, json: boolean): number {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return EXIT.brokenPipe;
      if (code !== 'EAGAIN') {
        printError(new OutputFailed(code), { stderr: (line) => writeSync(2, line) }, { json, debug: false });
        return EXIT.unexpected;
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_MS);
    }
  }
  return EXIT.done;
}

const FULL_PIPE_MS = 5;
