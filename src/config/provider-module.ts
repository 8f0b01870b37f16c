import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AnyProviderModule, builtInProviders } from '../../providers/registry.js';
import { ConfigInvalidError, ImsvaultError, vendorCause } from '../errors.js';
import { resolvePath } from '../secret/secret-file.js';
import { didYouMean } from './suggest.js';
import { isObject } from './tree.js';

const isPath = (name: string) => /^(\.{1,2}\/|\/|~\/|[A-Za-z]:[\\/])/.test(name);

/** Whether a text can name a third party's module: an npm name, or a path to a file. */
export function isModuleName(name: string): boolean {
  return isPath(name) || /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*(\/[\w.-]+)*$/.test(name);
}

/** @throws as the module's own code does */
export async function loadBuiltIn(name: string): Promise<AnyProviderModule | undefined> {
  return (await builtInProviders[name]?.())?.default;
}

/**
 * A third party's module, looked for from the config file's folder.
 * @throws ERR_PROVIDER_NOT_INSTALLED when it is not there, ERR_CONFIG_INVALID when it is no provider's module
 */
export async function loadThirdParty(name: string, baseDir: string): Promise<AnyProviderModule> {
  const file = isPath(name) ? resolvePath(name, baseDir) : await locate(name, baseDir);
  if (isPath(name) && !existsSync(file)) {
    throw notInstalled(`there is no module ${file}`, 'Check the path; it starts at the config file.');
  }
  let loaded: { default?: unknown };
  try {
    loaded = await import(/* @vite-ignore */ pathToFileURL(file).href);
  } catch (error) {
    const cause = vendorCause(error);
    throw invalid(name, `could not be loaded (${cause.code ?? cause.name})`);
  }
  // What a CommonJS build of an ES module exports.
  const exported = isObject(loaded.default) && 'default' in loaded.default ? loaded.default.default : loaded.default;
  const fault = faultOf(exported);
  if (fault !== undefined) throw invalid(name, fault);
  return exported as AnyProviderModule;
}

async function locate(name: string, baseDir: string): Promise<string> {
  const require = createRequire(join(baseDir, 'imsvault.config.js'));
  try {
    return require.resolve(name);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') {
      const file = await importEntry(name, require.resolve.paths(name) ?? []);
      if (file !== undefined) return file;
      throw invalid(name, 'exports nothing that can be imported by this name');
    }
    throw notInstalled(`the provider "${name}" is neither built in nor installed`, hintFor(name));
  }
}

/** `require.resolve` does not see a package whose `exports` have the condition "import" alone. */
async function importEntry(name: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const root = join(folder, name);
    const text = await readFile(join(root, 'package.json'), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const { exports } = JSON.parse(text) as { exports?: unknown };
    const target = conditionOf(isObject(exports) && '.' in exports ? exports['.'] : exports);
    return target === undefined ? undefined : join(root, target);
  }
  return undefined;
}

function conditionOf(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (!isObject(target)) return undefined;
  for (const [condition, value] of Object.entries(target)) {
    if (!['node', 'import', 'module-sync', 'default'].includes(condition)) continue;
    const found = conditionOf(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What is wrong with a module's default export; undefined when it can be used. */
function faultOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'has no default export that is a provider module';
  const { name, options, refOptions, createProvider } = value as Partial<Record<keyof AnyProviderModule, unknown>>;
  if (typeof name !== 'string' || name === '') return 'must export a "name"';
  const standard = (options as { '~standard'?: { validate?: unknown } } | undefined)?.['~standard'];
  if (typeof standard?.validate !== 'function')
    return 'must export "options": a Standard Schema (zod, valibot, arktype)';
  if (!Array.isArray(refOptions) || !refOptions.every((key) => typeof key === 'string')) {
    return 'must export "refOptions": a list of option names';
  }
  return typeof createProvider === 'function' ? undefined : 'must export a function "createProvider"';
}

/** What people call the built-in ones. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['aws', 'aws-secrets-manager'],
  ['secrets-manager', 'aws-secrets-manager'],
  ['secretsmanager', 'aws-secrets-manager'],
  ['azure', 'azure-key-vault'],
  ['keyvault', 'azure-key-vault'],
  ['key-vault', 'azure-key-vault'],
  ['azure-keyvault', 'azure-key-vault'],
  ['hashicorp', 'vault'],
  ['hashicorp-vault', 'vault'],
  ['openbao', 'vault'],
  ['bao', 'vault'],
  ['environment', 'env'],
  ['dotenv', 'env'],
]);

/** A word that is no provider of ours may still be somebody's package: only names meant for this get the install line. */
function hintFor(name: string): string {
  const names = [...Object.keys(builtInProviders), 'chain'];
  const alias = ALIASES.get(name.toLowerCase());
  const meant = alias === undefined ? didYouMean(name, names) : `; did you mean "${alias}"?`;
  const suggestion = meant === '' ? '' : `D${meant.slice('; d'.length)} `;
  if (name.startsWith('@') || name.startsWith('imsvault-')) {
    return `${suggestion}${meant === '' ? '' : 'Else, if you know this package: '}Run: npm install ${name}`;
  }
  return `${suggestion}Built in are ${names.join(', ')}; install any other package yourself, if you trust it.`;
}

function notInstalled(message: string, hint: string): ImsvaultError {
  return new ImsvaultError('ERR_PROVIDER_NOT_INSTALLED', message, { hint });
}

function invalid(name: string, fault: string): ConfigInvalidError {
  return new ConfigInvalidError([{ path: '', message: `the module "${name}" ${fault}` }]);
}
