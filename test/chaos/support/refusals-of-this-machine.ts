import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Trouble } from './link.js';
import { CREDENTIAL, type Ground, type Refusal, type RefusingStore } from './refusals.js';
import { newName } from './stores.js';

const nothing = async () => undefined;

export function fileRefusals(): RefusingStore {
  let folder: string;
  const write = (path: string, text = JSON.stringify(CREDENTIAL)) => writeFile(path, text, { mode: 0o600 });
  const refusal = (fault: string, means: Refusal['means'], on: (path: string) => Trouble): Refusal => ({
    fault,
    means,
    async open(): Promise<Ground> {
      const path = join(folder, newName());
      await write(path);
      return { block: () => ({ provider: 'file', path }), env: {}, trouble: on(path) };
    },
  });
  return {
    provider: 'file',
    async start() {
      folder = await mkdtemp(join(tmpdir(), 'imsvault-chaos-'));
    },
    close: () => rm(folder, { recursive: true }),
    refusals: [
      refusal('secret deleted', 'missing', (path) => ({ strike: () => rm(path), mend: () => write(path) })),
      refusal('half of it written', 'malformed', (path) => ({
        strike: () => write(path, JSON.stringify(CREDENTIAL).slice(0, 40)),
        mend: () => write(path),
      })),
      refusal('everybody may write to it', 'denied', (path) => ({
        strike: () => chmod(path, 0o666),
        mend: () => chmod(path, 0o600),
      })),
    ],
  };
}

export function envRefusals(): RefusingStore {
  const refusal = (fault: string, means: Refusal['means'], names: readonly string[]): Refusal => ({
    fault,
    means,
    async open(): Promise<Ground> {
      const whole = { FUSION_CLIENT_ID: CREDENTIAL.client_id, FUSION_CLIENT_SECRET: CREDENTIAL.client_secret };
      const env: Record<string, string | undefined> = { ...whole };
      const trouble: Trouble = {
        async strike() {
          for (const name of names) env[name] = undefined;
        },
        mend: async () => Object.assign(env, whole),
      };
      return { block: () => ({ provider: 'env' }), env, trouble };
    },
  });
  return {
    provider: 'env',
    start: nothing,
    close: nothing,
    refusals: [
      refusal('not set', 'unset', ['FUSION_CLIENT_ID', 'FUSION_CLIENT_SECRET']),
      refusal('half set', 'malformed', ['FUSION_CLIENT_SECRET']),
    ],
  };
}
