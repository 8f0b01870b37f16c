import { access } from 'node:fs/promises';
import { dirname, extname, relative, resolve } from 'node:path';
import { createFileAtomically, writeFileAtomically } from '../../atomic-file.js';
import { systemClock } from '../../clock.js';
import { profileSchema } from '../../config/json-schema.js';
import { loadProfile } from '../../config/load.js';
import { applyFlags } from '../../config/overrides.js';
import { omit } from '../../config/tree.js';
import { ConfigInvalidError, type ConfigProblem, vendorCause } from '../../errors.js';
import { type Answers, collectAnswers } from '../../init/answers.js';
import { configText } from '../../init/config-text.js';
import { policiesFor } from '../../init/policies.js';
import { STORES } from '../../init/questions.js';
import type { JsonObject } from '../../json.js';
import { proxySettingsFromEnv } from '../../net/proxy-settings.js';
import { createCheckup, formatStep } from '../checkup.js';
import { EXIT, exitCodeFor } from '../exit-codes.js';
import type { GlobalOptions, Io } from '../io.js';
import { printWarning } from '../print-error.js';
import { checkStores } from './doctor-store.js';

export interface InitOptions extends GlobalOptions {
  provider?: string;
  tokenStore?: string;
  output: string;
  /** False with `--no-check`. */
  check: boolean;
  force?: boolean;
  /** Ask nothing. */
  yes?: boolean;
}

/**
 * Writes a config file, once the store that it names has given the credential.
 * @param flags the values of the flags of `questionFlags()`, by flag
 */
export async function runInit(
  options: InitOptions,
  flags: Readonly<Record<string, string | undefined>>,
  io: Io,
): Promise<number> {
  const { provider, tokenStore, output, force = false } = options;
  const file = resolve(io.cwd, output);
  if (!['.yaml', '.yml'].includes(extname(file))) {
    throw new ConfigInvalidError([{ path: '--output', message: 'the config is YAML; name a file that ends in .yaml' }]);
  }
  if (!force && (await exists(file))) throw alreadyThere(file);
  const given = {
    flags,
    ...(provider === undefined ? {} : { provider }),
    ...(tokenStore === undefined ? {} : { tokenStore }),
  };
  const ask = options.yes === true ? undefined : await io.prompts?.();
  const config = configFrom(await collectAnswers(given, io.env, ask), options.set ?? []);

  const failure = await check(config, dirname(file), options, io);
  printPolicies(config, io);
  if (failure !== undefined) {
    io.stdout('\nNothing was written. See ✗ above; --no-check writes the config all the same.\n');
    return exitCodeFor(failure);
  }
  await write(file, configText(config), force);
  const name = relative(io.cwd, file) || file;
  io.stdout(`\n${name} is written. Next:\n  imsvault doctor --config ${name}\n`);
  return EXIT.done;
}

interface InitConfig {
  credentials: JsonObject;
  tokenStore?: JsonObject;
}

/** Options of the credential that a shared token has no use for. */
const CREDENTIAL_ONLY = ['fields', 'version', 'versionStage', 'versionId'];

/** What `--set` says is for the file here; what it says of the credentials is for their copy too. */
function configFrom({ credentials, shared }: Answers, set: readonly string[]): InitConfig {
  const problems: ConfigProblem[] = [];
  const apply = (tree: InitConfig, flags: string[]) =>
    applyFlags({ tree, origins: new Map() }, profileSchema(), flags, problems).tree as InitConfig;
  const isOfStore = (flag: string) => flag.startsWith('tokenStore.');
  const config = apply(
    { credentials },
    set.filter((flag) => !isOfStore(flag)),
  );
  const copy = shared === undefined ? {} : { tokenStore: { ...omit(config.credentials, CREDENTIAL_ONLY), ...shared } };
  const whole = apply({ ...config, ...copy }, set.filter(isOfStore));
  if (problems.length > 0) throw new ConfigInvalidError(problems);
  return whole;
}

/** @returns the first thing that went wrong in the store */
async function check(config: InitConfig, baseDir: string, options: InitOptions, io: Io): Promise<unknown> {
  const { credentials, warnings } = await loadProfile({ config, env: io.env, cwd: baseDir }).catch((error: unknown) => {
    throw error instanceof ConfigInvalidError ? byFlags(error, config) : error;
  });
  const warn = (message: string) => printWarning(message, io, 'text');
  for (const warning of warnings) warn(warning);
  if (!options.check || credentials === undefined) return undefined;
  const checkup = createCheckup(systemClock, io.signal, (result) => io.stdout(formatStep(result)));
  const proxy = proxySettingsFromEnv(io.env);
  const deps = { clock: systemClock, random: Math.random, env: io.env, baseDir, proxy, warn };
  await checkStores(checkup, credentials, deps, io.signal);
  return checkup.firstError;
}

/** What is wrong, by the flags that said it; no file has a line for it yet. */
function byFlags({ problems, hint }: ConfigInvalidError, { credentials }: InitConfig): ConfigInvalidError {
  const { questions = [], name } = STORES[String(credentials.provider)] ?? {};
  const flags = new Map(questions.map(({ flag, option }) => [`credentials.${option}`, `--${flag}`]));
  flags.set(`tokenStore.${name}`, '--token-store');
  return new ConfigInvalidError(
    problems.map(({ path, message, source }) => ({
      path: flags.get(path) ?? path,
      message,
      ...(source === undefined || source === 'code' ? {} : { source }),
    })),
    { hint },
  );
}

const WHO = {
  renewer: 'What a process that renews tokens must be allowed, and no more:',
  consumer: 'What a process that only uses the shared token must be allowed (its config has no credentials):',
};

function printPolicies(config: InitConfig, io: Io): void {
  for (const { role, text } of policiesFor(config)) io.stdout(`\n${WHO[role]}\n\n${text}\n`);
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

async function write(file: string, text: string, force: boolean): Promise<void> {
  try {
    // It is there for all to read, and holds nothing that must not be read.
    await (force ? writeFileAtomically : createFileAtomically)(file, text, 0o644);
  } catch (error) {
    const cause = vendorCause(error);
    if (cause.code === 'EEXIST') throw alreadyThere(file);
    throw new ConfigInvalidError([{ path: '--output', message: `${file} cannot be written (${cause.code})` }], {
      cause,
    });
  }
}

function alreadyThere(file: string): ConfigInvalidError {
  return new ConfigInvalidError([{ path: '--output', message: `${file} is there already` }], {
    hint: 'Name another file, or replace it with --force.',
  });
}
