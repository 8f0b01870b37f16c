import { configJsonSchema } from '../../config/json-schema.js';
import { loadProfile, type ResolvedProfile } from '../../config/load.js';
import { loadConfig } from '../../config/load-config.js';
import { printable, printableName } from '../../terminal-text.js';
import { EXIT } from '../exit-codes.js';
import { type GlobalOptions, type Io, loadOptions } from '../io.js';
import { printWarning } from '../print-error.js';

export interface ConfigCommandOptions extends GlobalOptions {
  output: 'text' | 'json';
}

/** Checks all profiles, as `serve` reads them, or the one that is named. */
export async function runConfigValidate(options: ConfigCommandOptions, io: Io): Promise<number> {
  const { profile: name, ...load } = loadOptions(options, io);
  const given = { ...load, ...(name === undefined ? {} : { profiles: [name] }) };
  const { file, profiles, warnings: ofServed } = await loadConfig(given);
  // A command that uses one profile looks for secrets that are written out in the others too.
  const warnings = name === undefined ? ofServed : (await loadProfile({ ...load, profile: name })).warnings;
  const checked = [...profiles.values()];
  if (options.output === 'json') {
    const names = checked.map((one) => one.name);
    const which = names.length === 1 ? { profile: names[0] } : { profiles: names };
    io.stdout(`${JSON.stringify({ valid: true, file, ...which, warnings })}\n`);
    return EXIT.done;
  }
  for (const warning of warnings) printWarning(warning, io, options.output);
  const [only, ...others] = checked.map(describeProfile);
  const found =
    others.length > 0
      ? `\n  ${[only, ...others].join('\n  ')}`
      : `${checked[0]?.name === undefined ? ';' : ','} ${only}`;
  io.stdout(printable(`valid: ${file ?? 'no config file; defaults and environment'}${found}\n`));
  return EXIT.done;
}

function describeProfile({ name, credentials }: ResolvedProfile): string {
  const provider =
    credentials === undefined ? 'no credentials: a consumer of tokens' : `provider ${credentials.provider}`;
  return name === undefined ? provider : `profile ${printableName(name)}; ${provider}`;
}

export async function runConfigShow(options: ConfigCommandOptions, io: Io): Promise<number> {
  const profile = await loadProfile(loadOptions(options, io));
  const values = profile.redacted();
  if (options.output === 'json') {
    const origins = Object.fromEntries(profile.origins);
    const { configFile: file, name, warnings } = profile;
    io.stdout(`${JSON.stringify({ file, profile: name, values, origins, warnings }, undefined, 2)}\n`);
    return EXIT.done;
  }
  for (const warning of profile.warnings) printWarning(warning, io, options.output);
  const named = profile.name === undefined ? '' : `, profile ${profile.name}`;
  io.stdout(`${printableName(`# ${profile.configFile ?? 'no config file'}${named}`)}\n`);
  const rows = flatten(values);
  const width = Math.min(60, Math.max(...rows.map(([path, value]) => path.length + value.length + 2)));
  for (const [path, value] of rows) {
    const line = `${`${path}: ${value}`.padEnd(width)}  # ${originOf(path, profile.origins)}`;
    io.stdout(`${printableName(line)}\n`);
  }
  return EXIT.done;
}

export function runConfigSchema(io: Io): number {
  io.stdout(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
  return EXIT.done;
}

/** `credentials.auth.method` and its value as JSON, for each leaf; lists are leaves. */
function flatten(value: unknown, path = ''): [string, string][] {
  if (typeof value !== 'object' || value === null || (Array.isArray(value) && !value.some(isObject))) {
    return value === undefined ? [] : [[path, typeof value === 'string' ? value : JSON.stringify(value)]];
  }
  return Object.entries(value).flatMap(([key, below]) => flatten(below, path === '' ? key : `${path}.${key}`));
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** A value inside a list or object that was given as one has the origin of the whole. */
function originOf(path: string, origins: ReadonlyMap<string, string>): string {
  for (let current = path; current !== ''; current = current.slice(0, Math.max(0, current.lastIndexOf('.')))) {
    const origin = origins.get(current);
    if (origin !== undefined) return origin;
  }
  return 'default';
}
