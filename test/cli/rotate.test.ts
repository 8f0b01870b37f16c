import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';
import { expectNoSecrets } from '../support/leaks.js';
import { CLIENT_ID, CLIENT_SECRET, emulated, errorIn, run, workspace } from './support.js';

const CLIENT = { clientId: CLIENT_ID, clientSecrets: [CLIENT_SECRET], consoleOrgId: '1', credentialId: '2' };

/** A store in a file, without compare-and-swap: a third party's provider, with the wrapping of the copy under test. */
const STORE = `
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
const any = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
export default {
  name: 'file',
  options: any,
  refOptions: ['file'],
  createProvider: () => ({
    name: 'file',
    describe: ({ file }) => 'the file of the test',
    async readSecret({ file }) {
      const text = await readFile(file, 'utf8');
      return { value: globalThis.redaction.redact(text), id: createHash('sha256').update(text).digest('hex') };
    },
    async putSecret({ file }, value) {
      await writeFile(file, globalThis.redaction.reveal(value));
      return { id: 'written' };
    },
  }),
};
`;

async function setup(rest = '') {
  const { redact, reveal } = await import('../../src/redacted.js');
  (globalThis as { redaction?: object }).redaction = { redact, reveal };
  const { emulator, env } = await emulated({ clients: [CLIENT] });
  const cwd = await workspace();
  const file = join(cwd, 'secret.json');
  await writeFile(file, JSON.stringify({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET }));
  await writeFile(join(cwd, 'store.mjs'), STORE);
  const config = join(cwd, 'config.yaml');
  const rotation = `rotation: { orgId: 1, credentialId: 2, endpoint: "${emulator.url}" }`;
  await writeFile(config, `credentials: { provider: ./store.mjs, file: "${file}" }\n${rest || rotation}\n`);
  const rotate = (...args: string[]) => run(['--config', config, 'rotate', ...args], { env, cwd });
  const secrets = () => emulator.clientSecrets(CLIENT_ID);
  const stored = async () => JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  return { emulator, env, cwd, config, rotate, secrets, stored };
}

describe('imsvault rotate', () => {
  it('rotates with --yes, and says each step', async () => {
    const { rotate, secrets, stored } = await setup();
    const [old] = secrets();
    const { code, stdout, stderr } = await rotate('--yes');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [now] = secrets();
    expect(secrets()).toHaveLength(1);
    expect(await stored()).toEqual({ client_id: CLIENT_ID, client_secret: now?.clientSecret });
    expect(stdout).toBe(
      [
        `✓ added the client secret ${now?.uuid}`,
        '✓ exchanged with the new client secret',
        '✓ made it the one in use in the file of the test',
        `✓ deleted the old client secret ${old?.uuid}`,
        `The client ${CLIENT_ID} uses the client secret ${now?.uuid}.`,
        '',
      ].join('\n'),
    );
    expectNoSecrets(stdout, [now?.clientSecret ?? '']);
  });

  it('keeps the old secret where nobody else uses the new one in time, and deletes it when run again', async () => {
    const { rotate, secrets } = await setup();
    const [old] = secrets();
    const { code, stderr } = await rotate('--yes', '--wait', '--wait-timeout', '1ms', '-o', 'json');
    expect(code).toBe(5);
    expect(errorIn(stderr)).toMatchObject({ code: 'ERR_ROTATION_UNAVAILABLE', retryable: true });
    expect(secrets()).toHaveLength(2);
    const again = await rotate('--yes', '-o', 'json');
    expect(JSON.parse(again.stdout)).toMatchObject({
      resumed: true,
      old_uuid: old?.uuid,
      new_uuid: secrets()[0]?.uuid,
    });
    expect(secrets()).toHaveLength(1);
  });

  it('tells it as JSON', async () => {
    const { rotate, secrets } = await setup();
    const [old] = secrets();
    const dry = JSON.parse((await rotate('--dry-run', '--output', 'json')).stdout) as object;
    expect(dry).toEqual({
      dry_run: true,
      resumed: false,
      client_id: CLIENT_ID,
      old_uuid: old?.uuid,
      steps: expect.arrayContaining([`delete the old client secret ${old?.uuid}, which cannot be restored`]),
    });
    const { stdout } = await rotate('--yes', '-o', 'json');
    expect(JSON.parse(stdout)).toEqual({
      rotated: true,
      resumed: false,
      client_id: CLIENT_ID,
      old_uuid: old?.uuid,
      new_uuid: secrets()[0]?.uuid,
    });
  });

  it('asks before anything is changed, and refuses where nobody can be asked', async () => {
    const { rotate, secrets, env, cwd, config } = await setup();
    const { code, stderr } = await rotate('--output', 'json');
    expect(code).toBe(2);
    expect(errorIn(stderr)).toMatchObject({ code: 'ERR_CONFIG_INVALID', problems: [{ path: '--yes' }] });
    const asked: string[] = [];
    let printed = '';
    const answer = (yes: boolean) =>
      main(['--config', config, 'rotate'], {
        env,
        cwd,
        stdout: () => undefined,
        stderr: (text) => {
          printed += text;
        },
        signal: new AbortController().signal,
        async confirm(question) {
          asked.push(question);
          return yes;
        },
      });
    expect(await answer(false)).toBe(130);
    expect(printed).toContain('4. delete the old client secret');
    const [old] = secrets();
    expect(secrets()).toHaveLength(1);
    expect(await answer(true)).toBe(0);
    expect(asked).toHaveLength(2);
    expect(secrets()[0]?.uuid).not.toBe(old?.uuid);
  });

  it.each([
    ['without its block in the config', 'renewal: {}', [], 'rotation'],
    ['with a time that is none', '', ['--wait-timeout', 'soon'], '--wait-timeout'],
  ])('is an error of usage %s', async (_name, config, args, path) => {
    const { rotate } = await setup(config);
    const { code, stderr } = await rotate('--yes', '-o', 'json', ...args);
    expect(code).toBe(2);
    expect(errorIn(stderr)).toMatchObject({ code: 'ERR_CONFIG_INVALID', problems: [{ path }] });
  });

  it('refuses a store that only reads, before anything is done', async () => {
    const { emulator, env } = await emulated({ clients: [CLIENT] });
    const cwd = await workspace();
    const set = ['orgId=1', 'credentialId=2', `endpoint=${emulator.url}`].flatMap((each) => [
      '--set',
      `rotation.${each}`,
    ]);
    const { code, stderr } = await run([...set, 'rotate', '--yes', '-o', 'json'], { env, cwd });
    expect(code).toBe(2);
    expect(errorIn(stderr)).toMatchObject({
      problems: [{ path: 'credentials.provider', message: expect.stringContaining('only reads') }],
    });
    expect(emulator.requests).toEqual([]);
  });

  it('says what to do about a credential that Adobe does not know', async () => {
    const { emulator } = await emulated({ clients: [CLIENT] });
    const { rotate } = await setup(`rotation: { orgId: 1, credentialId: 3, endpoint: "${emulator.url}" }`);
    const { code, stderr } = await rotate('--yes', '-o', 'json');
    expect(code).toBe(4);
    expect(errorIn(stderr)).toMatchObject({ code: 'ERR_ROTATION_REFUSED' });
  });
});
