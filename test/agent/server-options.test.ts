import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serverOptions } from '../../src/agent/server-options.js';
import { createManualClock } from '../support/manual-clock.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imsvault-agent-'));
});
afterEach(() => rm(folder, { recursive: true }));

function optionsOf(settings: { tokenFile?: string; tokenFileMode?: number }) {
  const none = { healthListen: undefined, tls: undefined, group: undefined, requiredProfiles: undefined };
  const all = {
    listen: [],
    allowRemote: false,
    hostNames: [],
    sinks: [],
    tokenFile: undefined,
    tokenFileMode: undefined,
  };
  return serverOptions({ ...none, ...all, ...settings }, {}, { clock: createManualClock(), warn: () => undefined });
}

describe("the file of the agent's access token", () => {
  it.each([0o777, 0o644, 0o660, 0o602])(
    'is not made with mode %s, which gives too much away',
    async (tokenFileMode) => {
      const tokenFile = join(folder, 'token');
      await expect(optionsOf({ tokenFile, tokenFileMode })).rejects.toMatchObject({
        code: 'ERR_CONFIG_INVALID',
        message: expect.stringContaining("agent.tokenFileMode: (or --token-file-mode) is wider than '0640'"),
      });
      await expect(stat(tokenFile)).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );

  it.each([0o600, 0o640, 0o400])('is made with mode %s', async (tokenFileMode) => {
    const tokenFile = join(folder, 'token');
    await optionsOf({ tokenFile, tokenFileMode });
    expect((await stat(tokenFile)).mode & 0o777).toBe(tokenFileMode);
  });

  it('must be named where there is no place for it', async () => {
    await expect(optionsOf({})).rejects.toMatchObject({
      message:
        'agent.tokenFile: is required (or --token-file) where neither RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set',
    });
  });
});
