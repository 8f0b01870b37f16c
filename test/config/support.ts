import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { type LoadOptions, loadProfile, type ResolvedProfile } from '../../src/config/load.js';
import { ConfigInvalidError, type ConfigProblem } from '../../src/errors.js';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

export async function tempFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'imsvault-config-')));
  folders.push(folder);
  return folder;
}

/** Writes a file that only its owner may write, whatever the umask. */
export async function write(folder: string, name: string, text: string, mode = 0o600): Promise<string> {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

type Given = Partial<LoadOptions> & { name?: string };

/** Loads a config text that is named, as by --config. */
export async function loadNamed(text: string, { name = 'imsvault.config.yaml', ...options }: Given = {}) {
  const cwd = await tempFolder();
  await write(cwd, name, text);
  return loadProfile({ configPath: name, env: {}, cwd, home: cwd, ...options });
}

/** Loads a config text that is found by search. */
export async function loadFound(text: string, options: Given = {}): Promise<ResolvedProfile> {
  const cwd = await tempFolder();
  await write(cwd, 'imsvault.config.yaml', text);
  return loadProfile({ env: {}, cwd, home: cwd, ...options });
}

export async function failure(loading: Promise<unknown>): Promise<ConfigInvalidError> {
  const error = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigInvalidError);
  return error as ConfigInvalidError;
}

export async function problemsOf(loading: Promise<unknown>): Promise<readonly ConfigProblem[]> {
  return (await failure(loading)).problems;
}

/** Everything that was loaded, but not the provider's code, which is large and holds no value. */
export function valuesOf(profile: ResolvedProfile): object {
  const { credentials } = profile;
  return { ...profile, redacted: profile.redacted(), credentials: { ...credentials, module: undefined } };
}
