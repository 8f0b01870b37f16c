import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBinary } from '../../live/servers/process.js';

export const TERRAFORM_DIR = fileURLToPath(new URL('../../../infra/terraform', import.meta.url));

/** Terraform's program, or why there is none. */
export function findTerraform(): { program: string } | { missing: string } {
  try {
    return { program: findBinary('terraform', 'IMSVAULT_TEST_TERRAFORM_BIN', 'see developer.hashicorp.com/terraform') };
  } catch (error) {
    return { missing: (error as Error).message };
  }
}

/** Where Terraform itself looks for providers first ("Implied Local Mirror Directories"). */
const IMPLIED_MIRRORS = [join(homedir(), '.terraform.d/plugins'), '/usr/local/share/terraform/plugins'];

const below = (folder: string) => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []);

/** A folder as `terraform providers mirror` makes it, with the provider `name` in it, or why there is none. */
export function findPlugins(name: string): { folder: string } | { missing: string } {
  const named = process.env.IMSVAULT_TEST_TERRAFORM_PLUGIN_DIR;
  const candidates = named ? [named] : [...IMPLIED_MIRRORS, ...below('/opt')];
  const folder = candidates.find((each) => existsSync(join(each, 'registry.terraform.io', name)));
  return folder === undefined
    ? { missing: `no folder holds registry.terraform.io/${name}; name one in IMSVAULT_TEST_TERRAFORM_PLUGIN_DIR` }
    : { folder };
}

/** Says why, where everybody sees it: a suite that does not run must not look like one that passed. */
export function skipReason(title: string, ...parts: ({ missing: string } | object)[]): string | undefined {
  const missing = parts.flatMap((part) => ('missing' in part ? [part.missing] : []));
  if (missing.length === 0) return undefined;
  const reason = missing.join('; ');
  console.warn(`SKIPPED: ${title}: ${reason}`);
  return reason;
}

export interface Terraform {
  /** @returns what it prints; an error says what went wrong, and has the exit code as `code` */
  run(...args: string[]): Promise<string>;
  /** The folder of the configuration. */
  readonly folder: string;
  remove(): void;
}

/**
 * A copy of a module with its examples, so that nothing is left in the repository.
 * @param example the folder below examples/ that is run
 * @param override HCL that replaces what the example says of its provider
 */
export function copyExample(module: string, example: string, program: string, override = ''): Terraform {
  const home = mkdtempSync(join(tmpdir(), 'imsvault-terraform-'));
  cpSync(join(TERRAFORM_DIR, module), join(home, 'module'), { recursive: true });
  const folder = join(home, 'module', 'examples', example);
  if (override !== '') writeFileSync(join(folder, 'test_override.tf'), override);
  return {
    folder,
    run: (...args) => runTerraform(program, folder, home, args),
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}

export function runTerraform(program: string, cwd: string, home: string, args: readonly string[]): Promise<string> {
  // Nothing of the user's own settings and logins.
  const env = { PATH: process.env.PATH ?? '', HOME: home, CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1' };
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, env, maxBuffer: 64 * 1024 * 1024, timeout: 300_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(Object.assign(new Error(`terraform ${args[0]}: ${stdout}\n${stderr}`), { code: error.code }));
    });
  });
}
