import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';

/**
 * An environment in which the AWS SDK finds nothing but `variables`: no files of this user, no metadata service.
 * The SDK reads `process.env` by itself; undo with `vi.unstubAllEnvs()`.
 * @returns what a provider's context gets as its environment
 */
export function awsEnvironment(variables: Record<string, string> = {}): Record<string, string> {
  const home = mkdtempSync(join(tmpdir(), 'imsvault-aws-'));
  for (const name of Object.keys(process.env)) {
    if (/^(AWS_|https?_proxy$|no_proxy$)/i.test(name)) vi.stubEnv(name, undefined);
  }
  const env = {
    HOME: home,
    AWS_CONFIG_FILE: join(home, '.aws', 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(home, '.aws', 'credentials'),
    // Nothing listens there, so the chain's last link ends at once.
    AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    ...variables,
  };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  return env;
}

export const STATIC_KEYS = {
  AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST',
  AWS_SECRET_ACCESS_KEY: 'marked/secret+access+key+0000000000000000',
};
