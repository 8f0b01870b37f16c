import { execFileSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { CLIENT_ID, emulated, run, workspace } from './support.js';

describe('imsvault token', () => {
  it('prints the token and a newline', async () => {
    const { emulator, env } = await emulated();
    const { code, stdout, stderr } = await run(['token'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(`${emulator.issuedTokens()[0]}\n`);
    expect(emulator.exchanges).toBe(1);
  });

  it('prints it as JSON, with its facts', async () => {
    const issuedAt = Date.now();
    const { emulator, env } = await emulated({ expiresInSeconds: 600 });
    const { stdout } = await run(['token', '--output', 'json'], { env });
    expect(stdout).toMatch(/^[^\n]+\n$/);
    const document = JSON.parse(stdout);
    expect(document).toEqual({
      access_token: emulator.issuedTokens()[0],
      token_type: 'bearer',
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      expires_in: expect.any(Number),
      issued_at: expect.stringMatching(/Z$/),
      scope: 'openid,AdobeID,profile,additional_info.projectedProductContext',
      client_id: CLIENT_ID,
      source: 'env',
    });
    expect(Date.parse(document.expires_at) - Date.parse(document.issued_at)).toBe(600_000);
    expect(Date.parse(document.issued_at)).toBeGreaterThanOrEqual(issuedAt);
    expect(Date.parse(document.issued_at)).toBeLessThanOrEqual(Date.now());
    expect(document.expires_in).toBeGreaterThan(570);
    expect(document.expires_in).toBeLessThanOrEqual(600);
  });

  it.skipIf(process.platform === 'win32')('prints a line that a shell can evaluate', async () => {
    const { emulator, env } = await emulated();
    const { stdout } = await run(['token', '-o', 'env'], { env });
    const script = 'eval "$1"; exec "$2" -e "process.stdout.write(process.env.FUSION_ACCESS_TOKEN)"';
    const seen = execFileSync('sh', ['-c', script, 'sh', stdout, process.execPath], { encoding: 'utf8' });
    expect(seen).toBe(emulator.issuedTokens()[0]);
  });

  it('prints an HTTP header', async () => {
    const { emulator, env } = await emulated();
    const { stdout } = await run(['token', '--output=header'], { env });
    expect(stdout).toBe(`Authorization: Bearer ${emulator.issuedTokens()[0]}\n`);
  });

  it('names the link of a chain that had the credential', async () => {
    const { env } = await emulated();
    const cwd = await workspace(
      'credentials:\n  provider: chain\n  providers:\n    - { provider: env, clientId: NO_ID, clientSecret: NO_SECRET }\n    - { provider: env }\n',
    );
    const { code, stdout } = await run(['token', '-o', 'json'], { env, cwd });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).source).toBe('env');
  });

  it('exchanges once for --min-ttl, and warns where tokens never live so long', async () => {
    const long = await emulated({ expiresInSeconds: 3600 });
    const fine = await run(['token', '--min-ttl', '10m'], { env: long.env });
    expect(fine).toMatchObject({ code: 0, stderr: '' });
    expect(long.emulator.exchanges).toBe(1);

    const short = await emulated({ expiresInSeconds: 120 });
    const served = await run(['token', '--min-ttl', '10m'], { env: short.env });
    expect(served.code).toBe(0);
    expect(served.stdout).toBe(`${short.emulator.issuedTokens()[0]}\n`);
    expect(served.stderr).toBe('imsvault: warning: IMS gives tokens a shorter life than --min-ttl asks for\n');
    expect(short.emulator.exchanges).toBe(1);
    const json = await run(['token', '--min-ttl', '10m', '-o', 'json'], { env: short.env });
    expect(JSON.parse(json.stderr)).toEqual({ warning: expect.stringContaining('--min-ttl') });
  });

  it('speaks of --min-ttl to nobody who did not give it', async () => {
    const { env } = await emulated({ expiresInSeconds: 1 });
    let now = Date.now();
    const clock = vi.spyOn(systemClock, 'now').mockImplementation(() => (now += 2000));
    const { code, stdout, stderr } = await run(['token'], { env }).finally(() => clock.mockRestore());
    expect([code, stdout]).toEqual([5, '']);
    expect(stderr).toContain('each token had ended when it came');
    expect(stderr).not.toContain('--min-ttl');
  });

  it('exchanges once for --force', async () => {
    const { emulator, env } = await emulated();
    expect((await run(['token', '--force'], { env })).code).toBe(0);
    expect(emulator.exchanges).toBe(1);
  });

  it('takes options before and after its name', async () => {
    const { emulator, env } = await emulated();
    const { IMSVAULT_IMS_TOKEN_ENDPOINT: endpoint, ...rest } = env;
    const cwd = await workspace(`profiles:\n  one: { ims: { tokenEndpoint: '${endpoint}' } }\n  two: {}\n`);
    const before = await run(['--profile', 'one', '--config', 'imsvault.config.yaml', 'token'], { env: rest, cwd });
    const after = await run(['token', '-c', 'imsvault.config.yaml', '-p', 'one'], { env: rest, cwd });
    expect([before.code, after.code]).toEqual([0, 0]);
    const set = ['--set', `ims.tokenEndpoint=${endpoint}`];
    expect(
      (await run([...set, 'token', '-p', 'two', '--set', 'ims.retry.maxAttempts=2'], { env: rest, cwd })).code,
    ).toBe(0);
    expect(emulator.exchanges).toBe(3);
  });

  it('looks at the environment that it is given, not at that of the process', async () => {
    const { emulator, env } = await emulated();
    vi.stubEnv('IMSVAULT_CONFIG', 'nowhere.yaml');
    vi.stubEnv('IMSVAULT_PROFILE', 'nobody');
    vi.stubEnv('FUSION_CLIENT_ID', 'ambient');
    vi.stubEnv('FUSION_CLIENT_SECRET', 'ambient-secret');
    try {
      expect((await run(['token'], { env })).code).toBe(0);
      const { FUSION_CLIENT_ID, FUSION_CLIENT_SECRET, ...without } = env;
      expect(await run(['token'], { env: without })).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('ERR_PROVIDER_NOT_CONFIGURED'),
      });
      expect(emulator.exchanges).toBe(1);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
