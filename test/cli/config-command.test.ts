import { describe, expect, it } from 'vitest';
import { errorIn, run, workspace } from './support.js';

const CONFIG = `defaultProfile: stage
profiles:
  stage:
    ims:
      scope: [openid, AdobeID]
    credentials:
      provider: vault
      address: http://127.0.0.1:8200
      path: ims/\${STAGE:-stage}
      auth: { method: token, token: '\${MY_TOKEN}' }
  prod:
    credentials: { provider: env }
`;
const env = { MY_TOKEN: 's.vault-login-Token', IMSVAULT_CREDENTIALS_MOUNT: 'kv' };
const file = async () => ({ cwd: await workspace(CONFIG), env });

describe('imsvault config validate', () => {
  it('says what is valid', async () => {
    const given = { ...(await file()), env: { MY_TOKEN: env.MY_TOKEN } };
    expect(await run(['config', 'validate'], given)).toEqual({
      code: 0,
      stdout: `valid: ${given.cwd}/imsvault.config.yaml
  profile stage; provider vault
  profile prod; provider env
`,
      stderr: '',
    });
    expect((await run(['config', 'validate', '-p', 'stage'], given)).stdout).toBe(
      `valid: ${given.cwd}/imsvault.config.yaml, profile stage; provider vault\n`,
    );
    expect(JSON.parse((await run(['config', 'validate', '-o', 'json'], given)).stdout).profiles).toEqual([
      'stage',
      'prod',
    ]);
    const { stdout } = await run(['config', 'validate', '--profile', 'prod', '-o', 'json'], { cwd: given.cwd });
    expect(JSON.parse(stdout)).toEqual({
      valid: true,
      file: `${given.cwd}/imsvault.config.yaml`,
      profile: 'prod',
      warnings: [],
    });
  });

  it('tells that there is no file', async () => {
    const { code, stdout } = await run(['config', 'validate']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'valid: no config file; defaults and environment; provider env\n',
    });
  });

  it('warns on stderr in text, in the document as JSON', async () => {
    const given = { env: { IMSVAULT_IMS_ORG_IDD: 'x' } };
    const text = await run(['config', 'validate'], given);
    expect(text.stderr).toMatch(/^imsvault: warning: IMSVAULT_IMS_ORG_IDD is not known; did you mean [^\n]+\n$/);
    const json = await run(['config', 'validate', '-o', 'json'], given);
    expect(json.stderr).toBe('');
    expect(JSON.parse(json.stdout).warnings).toEqual([expect.stringContaining('IMSVAULT_IMS_ORG_IDD')]);
  });

  it('names the problems of all profiles and of agent, or of the profile that is asked for and of agent', async () => {
    const cwd = await workspace(`defaultProfile: a
profiles:
  a: { credentials: { provider: env } }
  b: { credentials: { provider: vault }, nonsense: 1 }
agent: { foo: 1, listen: [garbage, 'unix:s'], tokenFileMode: '9', sinks: [{ path: x, format: zzz, profile: c }] }
`);
    const problems = async (...args: string[]) => {
      const { code, stdout, stderr } = await run(
        ['config', 'validate', '-c', 'imsvault.config.yaml', '-o', 'json', ...args],
        { cwd },
      );
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      return (errorIn(stderr).problems as { path: string }[]).map(({ path }) => path).sort();
    };
    const agent = ['agent.foo', 'agent.listen.0', 'agent.sinks.0.format', 'agent.tokenFileMode'];
    expect(await problems()).toEqual([...agent, 'profiles.b.credentials.path', 'profiles.b.nonsense']);
    expect(await problems('-p', 'a')).toEqual(agent);
  });

  it('with --profile still finds secrets that are written out in another one', async () => {
    const secretIn = (credentials: string) =>
      `profiles: { a: { credentials: { provider: env } }, b: ${credentials} }\n`;
    const validate = async (config: string) =>
      run(['config', 'validate', '-p', 'a', '-c', 'imsvault.config.yaml'], { cwd: await workspace(config) });
    const login = '{ credentials: { provider: vault, path: x, auth: { method: token, token: written-Out } } }';
    expect(await validate(secretIn(login))).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('warning: credentials.auth.token holds a secret in the config file'),
    });
    const { code, stderr } = await validate(secretIn('{ credentials: { provider: env, client_secret: written } }'));
    expect(code).toBe(2);
    expect(stderr).toContain('client_secret: a client secret has no place in the config');
  });

  it('names every problem, with the line', async () => {
    const cwd = await workspace('ims:\n  scope: 7\n  orgIdd: x\nrenewal: { hardMargin: soon }\n');
    const text = await run(['config', 'validate'], { cwd });
    expect(text).toMatchObject({ code: 2, stdout: '' });
    expect(text.stderr).toMatch(
      /^imsvault: ERR_CONFIG_INVALID: 3 problems:\n( {2}[^\n]+\(imsvault.config.yaml:\d\)\n?){3}/,
    );
    const json = await run(['config', 'validate', '--output', 'json'], { cwd });
    expect({ code: json.code, stdout: json.stdout }).toEqual({ code: 2, stdout: '' });
    expect(errorIn(json.stderr)).toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      problems: expect.arrayContaining([
        { path: 'ims.orgIdd', message: expect.stringContaining('orgId'), source: 'imsvault.config.yaml:3' },
      ]),
    });
  });
});

describe('imsvault config show', () => {
  it('shows each value and where it came from, secrets redacted', async () => {
    const given = await file();
    const args = ['config', 'show', '--set', 'ims.orgId=1@AdobeOrg'];
    const { code, stdout, stderr } = await run(args, given);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(`# ${given.cwd}/imsvault.config.yaml, profile stage`);
    for (const line of lines.slice(1)) expect(line).toMatch(/^[\w.]+: .* {2}# \S/);
    const shown = (path: string) => lines.find((line) => line.startsWith(`${path}: `))?.replace(/ {2,}/, '  ');
    expect(shown('ims.scope')).toBe('ims.scope: ["openid","AdobeID"]  # imsvault.config.yaml:5');
    expect(shown('ims.orgId')).toBe('ims.orgId: 1@AdobeOrg  # --set');
    expect(shown('credentials.mount')).toBe('credentials.mount: kv  # IMSVAULT_CREDENTIALS_MOUNT');
    expect(shown('credentials.path')).toBe('credentials.path: ims/stage  # imsvault.config.yaml:9');
    expect(shown('credentials.auth.token')).toBe('credentials.auth.token: [redacted]  # imsvault.config.yaml:10');
    expect(shown('ims.tokenEndpoint')).toMatch(/adobelogin\.com\/ims\/token\/v3 {2}# default$/);
    expect(stdout).not.toContain(env.MY_TOKEN);
  });

  it('shows the same as JSON', async () => {
    const given = await file();
    const { stdout } = await run(['config', 'show', '--output', 'json'], given);
    const document = JSON.parse(stdout);
    expect(Object.keys(document)).toEqual(['file', 'profile', 'values', 'origins', 'warnings']);
    expect(document).toMatchObject({
      profile: 'stage',
      values: { credentials: { provider: 'vault', mount: 'kv', auth: { method: 'token', token: '[redacted]' } } },
      origins: { 'credentials.mount': 'IMSVAULT_CREDENTIALS_MOUNT', 'ims.tokenEndpoint': 'default' },
    });
    expect(stdout).not.toContain(env.MY_TOKEN);
  });

  it('shows the profile that is asked for', async () => {
    const { cwd } = await file();
    const flag = await run(['config', 'show', '-p', 'prod'], { cwd });
    const variable = await run(['config', 'show'], { cwd, env: { IMSVAULT_PROFILE: 'prod' } });
    expect(flag.stdout).toContain('credentials.provider: env');
    expect(variable.stdout).toBe(flag.stdout);
  });
});

it('imsvault config schema prints a JSON Schema', async () => {
  const { code, stdout, stderr } = await run(['config', 'schema']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ $schema: expect.stringContaining('json-schema.org') });
});
