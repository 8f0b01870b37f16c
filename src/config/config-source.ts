import { dirname, extname, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigInvalidError, vendorCause } from '../errors.js';
import { stampOf } from '../token/cache/facts.js';
import { copyCodeValue } from './code-value.js';
import { locateConfig } from './find-config.js';
import type { Env } from './interpolate.js';
import { parseConfigText } from './parse-file.js';
import { readConfigFile } from './read-file.js';
import type { Path } from './tree.js';

/** A config before anything of it is believed. */
export interface ConfigSource {
  /** An empty object where there is none. */
  value: unknown;
  /** Absolute path. */
  file?: string;
  /** The file's, from before it was read. */
  stamp?: string | null;
  /** Relative paths in the config start here. */
  baseDir: string;
  /** Found by search, not named: less is allowed in it. */
  discovered: boolean;
  /** Whether the value is the text of a file, not the result of code. */
  isText: boolean;
  /** Whether a program gave the value as an object. */
  isCode: boolean;
  /** `imsvault.config.yaml:12`, or `code` */
  sourceOf(path: Path): string | undefined;
}

export interface SourceOptions {
  configPath?: string;
  config?: unknown;
  env: Env;
  cwd: string;
  home?: string;
  uid?: number;
  /** Which load of the same config by this process it is, from 0: Node keeps a module that it has loaded. */
  reload?: number;
}

/**
 * The config given by code, else the file that is named, else one found upwards, else none.
 * @throws ERR_CONFIG_INVALID
 */
export async function openConfigSource(options: SourceOptions): Promise<ConfigSource> {
  const { config, cwd } = options;
  const none = { baseDir: cwd, discovered: false, isText: false };
  if (config !== undefined) {
    return { ...none, value: copyCodeValue(config, 'code'), isCode: true, sourceOf: () => 'code' };
  }
  const { file, discovered } = locateConfig(options);
  if (file === undefined) return { ...none, value: {}, isCode: false, sourceOf: () => undefined };
  const base = { file, stamp: stampOf(file), baseDir: dirname(file), discovered, isCode: false };
  const name = shorter(relative(cwd, file), file);
  switch (extname(file)) {
    case '.yaml':
    case '.yml':
    case '.json': {
      const uid = options.uid ?? process.getuid?.();
      const { value, lineOf } = parseConfigText(await readConfigFile(file, { discovered, uid }), name);
      const sourceOf = (path: Path) => [name, lineOf(path)].filter((part) => part !== undefined).join(':');
      return { ...base, value, isText: true, sourceOf };
    }
    case '.mjs':
    case '.js':
      return {
        ...base,
        value: copyCodeValue(await runConfigModule(file, options.reload ?? 0), name),
        isText: false,
        sourceOf: () => name,
      };
    default:
      throw new ConfigInvalidError([
        { path: '', message: `a config file ends in .yaml, .yml, .json, .mjs or .js; ${file} does not` },
      ]);
  }
}

const shorter = (a: string, b: string) => (a.length <= b.length ? a : b);

/** The default export, or what it returns where it is a function. */
async function runConfigModule(file: string, reload: number): Promise<unknown> {
  const url = pathToFileURL(file);
  if (reload > 0) url.searchParams.set('reload', String(reload));
  try {
    const loaded: { default?: unknown } = await import(/* @vite-ignore */ url.href);
    return typeof loaded.default === 'function' ? await loaded.default() : loaded.default;
  } catch (error) {
    // The text of a foreign error may quote anything.
    const cause = vendorCause(error);
    throw new ConfigInvalidError(
      [{ path: '', message: `the config file ${file} failed when it was loaded (${cause.code ?? cause.name})` }],
      { cause, hint: 'Run it alone with node to see where.' },
    );
  }
}
