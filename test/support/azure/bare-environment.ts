import { vi } from 'vitest';

/**
 * Takes every Azure login out of `process.env`, which the SDK reads itself. Undo with `vi.unstubAllEnvs()`.
 * @param path the only folder to look for `az` and other tools in
 */
export function stubBareEnvironment(path: string): void {
  vi.stubEnv('PATH', path);
  for (const name of Object.keys(process.env)) {
    if (/^(AZURE_|IDENTITY_|MSI_|IMDS_)/.test(name)) vi.stubEnv(name, undefined);
  }
}
