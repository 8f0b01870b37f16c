import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import env from '../../../providers/env/index.js';
import { envOptions } from '../../../providers/env/options.js';
import { ImsvaultError } from '../../../src/errors.js';
import { reveal } from '../../../src/redacted.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { testContext } from '../../support/provider-context.js';

const SECRET = 'p8e-env-marked-secret';
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'imsvault-env-'));
  writeFileSync(join(folder, 'secret'), `${SECRET}\n`);
  writeFileSync(join(folder, 'empty'), '\n');
  writeFileSync(join(folder, 'large'), 'x'.repeat(70_000));
  writeFileSync(join(folder, 'binary'), Buffer.from([0xff, 0xfe, 0x00]));
  writeFileSync(join(folder, 'app.env'), `FUSION_CLIENT_ID=from-dotenv\nFUSION_CLIENT_SECRET="${SECRET}"\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function read(variables: Record<string, string>, options: object = {}) {
  const provider = await env.createProvider({}, testContext({ env: variables, baseDir: folder }));
  const version = await provider.readSecret(envOptions.parse(options));
  return JSON.parse(reveal(version.value));
}

async function failure(variables: Record<string, string>, options?: object): Promise<ImsvaultError> {
  const error = await read(variables, options).then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  );
  expectNoSecrets(error, [SECRET]);
  expect(error).toBeInstanceOf(ImsvaultError);
  return error as ImsvaultError;
}

describe('env provider', () => {
  it("reads Fusion's variables by default, and others by option", async () => {
    expect(await read({ FUSION_CLIENT_ID: 'id', FUSION_CLIENT_SECRET: SECRET })).toEqual({
      client_id: 'id',
      client_secret: SECRET,
    });
    expect(
      await read({ MY_ID: 'id', MY_SECRET: SECRET }, { clientId: 'MY_ID', clientSecret: 'MY_SECRET' }),
    ).toMatchObject({ client_id: 'id' });
  });

  it('reads files that _FILE variables name, relative to the config', async () => {
    expect(await read({ FUSION_CLIENT_ID: 'id', FUSION_CLIENT_SECRET_FILE: 'secret' })).toMatchObject({
      client_secret: SECRET,
    });
    expect(await read({ FUSION_CLIENT_ID: 'id', FUSION_CLIENT_SECRET_FILE: join(folder, 'secret') })).toMatchObject({
      client_secret: SECRET,
    });
  });

  it('reads a dotenv file only when it is named, and the environment wins', async () => {
    expect((await failure({})).code).toBe('ERR_PROVIDER_NOT_CONFIGURED');
    expect(await read({}, { dotenv: 'app.env' })).toEqual({ client_id: 'from-dotenv', client_secret: SECRET });
    expect(await read({ FUSION_CLIENT_ID: 'real' }, { dotenv: 'app.env' })).toMatchObject({ client_id: 'real' });
    expect(await failure({}, { dotenv: 'none.env' })).toMatchObject({ code: 'ERR_PROVIDER_NOT_CONFIGURED' });
  });

  it.skipIf(process.platform === 'win32')('reads no dotenv that would hang it or has no end', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.env')]);
    for (const [dotenv, message] of [
      ['pipe.env', 'is not a regular file'],
      ['/dev/zero', 'is not a regular file'],
      ['.', 'is a folder'],
      ['large', 'is larger than 65536 bytes'],
    ] as const) {
      expect(await failure({}, { dotenv })).toMatchObject({
        code: 'ERR_SECRET_MALFORMED',
        message: expect.stringContaining(message),
      });
    }
    writeFileSync(join(folder, 'none-yet.env'), '');
    expect(await failure({}, { dotenv: 'none-yet.env' })).toMatchObject({
      message: expect.stringContaining('are not set'),
    });
  });

  it('sees a change of the environment at the next read, as another version', async () => {
    const variables = { FUSION_CLIENT_ID: 'id', FUSION_CLIENT_SECRET: SECRET };
    const provider = await env.createProvider({}, testContext({ env: variables }));
    const first = await provider.readSecret(envOptions.parse({}));
    variables.FUSION_CLIENT_SECRET = 'rotated';
    const second = await provider.readSecret(envOptions.parse({}));
    expect(second.id).not.toBe(first.id);
    expect(first.id).not.toContain('id');
  });

  it.each<[string, Record<string, string>, string, RegExp]>([
    ['nothing set', {}, 'ERR_PROVIDER_NOT_CONFIGURED', /FUSION_CLIENT_ID and FUSION_CLIENT_SECRET are not set/],
    [
      'empty counts as unset',
      { FUSION_CLIENT_ID: '', FUSION_CLIENT_SECRET: '' },
      'ERR_PROVIDER_NOT_CONFIGURED',
      /not set/,
    ],
    [
      'half set: the id',
      { FUSION_CLIENT_ID: 'id' },
      'ERR_SECRET_MALFORMED',
      /FUSION_CLIENT_ID is set, but FUSION_CLIENT_SECRET is not/,
    ],
    [
      'half set: the secret',
      { FUSION_CLIENT_SECRET: SECRET },
      'ERR_SECRET_MALFORMED',
      /FUSION_CLIENT_SECRET is set, but FUSION_CLIENT_ID is not/,
    ],
    [
      'both ways',
      { FUSION_CLIENT_ID: 'id', FUSION_CLIENT_SECRET: SECRET, FUSION_CLIENT_SECRET_FILE: 'secret' },
      'ERR_SECRET_MALFORMED',
      /both set/,
    ],
    [
      'a file that is not there',
      { FUSION_CLIENT_ID: 'id', FUSION_CLIENT_SECRET_FILE: 'nope' },
      'ERR_SECRET_MALFORMED',
      /is named, but there is no such file/,
    ],
    [
      'an empty file',
      { FUSION_CLIENT_ID: 'id', FUSION_CLIENT_SECRET_FILE: 'empty' },
      'ERR_SECRET_MALFORMED',
      /is empty/,
    ],
    [
      'a large file',
      { FUSION_CLIENT_ID: 'id', FUSION_CLIENT_SECRET_FILE: 'large' },
      'ERR_SECRET_MALFORMED',
      /larger than 65536 bytes/,
    ],
    [
      'a binary file',
      { FUSION_CLIENT_ID: 'id', FUSION_CLIENT_SECRET_FILE: 'binary' },
      'ERR_SECRET_MALFORMED',
      /is not text/,
    ],
    ['a folder', { FUSION_CLIENT_ID: 'id', FUSION_CLIENT_SECRET_FILE: '.' }, 'ERR_SECRET_MALFORMED', /is a folder/],
  ])('%s', async (_title, variables, code, message) => {
    const error = await failure(variables);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('takes names of variables, never values', () => {
    expect(envOptions.safeParse({ clientSecret: 'p8e-not-a-name' }).success).toBe(false);
  });
});
