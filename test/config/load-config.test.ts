import { symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LoadConfigOptions, loadConfig } from '../../src/config/load-config.js';
import { expectNoSecrets } from '../support/leaks.js';
import { problemsOf, tempFolder, write } from './support.js';

type Given = Partial<LoadConfigOptions> & { found?: boolean };

async function load(text: string, { found = false, ...options }: Given = {}) {
  const cwd = await tempFolder();
  await write(cwd, 'imsvault.config.yaml', text);
  const named = found ? {} : { configPath: 'imsvault.config.yaml' };
  return { cwd, config: await loadConfig({ env: {}, cwd, home: cwd, ...named, ...options }) };
}
const problems = async (text: string, given?: Given) =>
  (await problemsOf(load(text, given))).map(({ path, message, source }) => ({ path, message, source }));

const THREE = `
defaultProfile: b
profiles:
  a: { ims: { orgId: 'A@AdobeOrg' } }
  b: { ims: { orgId: 'B@AdobeOrg' } }
  c: {}
`;

describe('all profiles of a config', () => {
  it('come from one read, in their order, with the default one', async () => {
    const { config, cwd } = await load(THREE);
    expect([...config.profiles.keys()]).toEqual(['a', 'b', 'c']);
    expect(config.profiles.get('b')?.ims.orgId).toBe('B@AdobeOrg');
    expect(config).toMatchObject({ defaultName: 'b', file: `${cwd}/imsvault.config.yaml`, warnings: [] });
  });

  it('or those that are asked for, of which the only one is the default', async () => {
    const { config } = await load(THREE, { profiles: ['c', 'a'] });
    expect([[...config.profiles.keys()], config.defaultName]).toEqual([['a', 'c'], undefined]);
    expect((await load(THREE, { profiles: ['c'] })).config.defaultName).toBe('c');
    expect((await load(THREE, { env: { IMSVAULT_PROFILE: 'a' } })).config.defaultName).toBe('a');
    expect((await load('profiles: { a: {}, b: {} }')).config.defaultName).toBeUndefined();
  });

  it('is one that is called default where the config has no profiles', async () => {
    const { config } = await load('{ ims: { orgId: x@AdobeOrg }, agent: { listen: unix:a.sock } }');
    expect([...config.profiles]).toMatchObject([['default', { ims: { orgId: 'x@AdobeOrg' } }]]);
    expect(config.defaultName).toBe('default');
  });

  it('report what is wrong in any of them at once, each with its place', async () => {
    const text = `profiles:
  a: { ims: { timeout: never } }
  b: {}
  c: { credentials: { provider: vault } }
agent: { lisen: x }
`;
    expect(await problems(text)).toEqual([
      { path: 'profiles.a.ims.timeout', message: expect.any(String), source: 'imsvault.config.yaml:2' },
      { path: 'profiles.c.credentials.path', message: expect.any(String), source: 'imsvault.config.yaml:4' },
      {
        path: 'agent.lisen',
        message: expect.stringContaining('did you mean "listen"?'),
        source: 'imsvault.config.yaml:5',
      },
    ]);
    expect(await problems(THREE, { profiles: ['d'] })).toMatchObject([{ source: '--profile' }]);
  });

  it('refuses a client secret that is written out in one of them, without repeating it', async () => {
    const found = await problems('profiles: { a: {}, b: { ims: { clientSecret: p8e-SuperSecret0123456789 } } }');
    expect(found).toMatchObject([{ path: 'profiles.b.ims.clientSecret' }]);
    expectNoSecrets(found, ['p8e-SuperSecret0123456789']);
  });

  it('say a warning once, and of whom', async () => {
    const vault = '{ credentials: { provider: vault, path: x, auth: { method: token, token: "literal" } } }';
    const { config } = await load(`profiles: { a: {}, b: ${vault} }`, { env: { IMSVAULT_IMS_ORG_IDD: 'x' } });
    expect(config.warnings).toEqual([
      expect.stringMatching(/^IMSVAULT_IMS_ORG_IDD is not known/),
      expect.stringMatching(/^profile b: credentials.auth.token holds a secret/),
    ]);
  });
});

describe('the agent of a config', () => {
  const read = async (agent: string, given?: Given) => (await load(`{ agent: ${agent} }`, given)).config.agent;

  it('has defaults', async () => {
    expect(await read('{}')).toMatchObject({
      listen: ['127.0.0.1:7717'],
      allowRemote: false,
      sinks: [],
      tls: undefined,
    });
  });

  it('names the sockets and the certificate too from there, and takes a template without a format', async () => {
    const { cwd, config } = await load(
      '{ agent: { healthListen: unix:h.sock, tls: { certFile: c.pem, keyFile: k.pem }, sinks: [{ path: x, template: t }, { path: y, format: json }, { path: z, format: raw, template: t }] } }',
    );
    expect(config.agent).toMatchObject({
      healthListen: [`unix:${cwd}/h.sock`],
      tls: { certFile: `${cwd}/c.pem`, keyFile: `${cwd}/k.pem` },
    });
  });

  it('names files from the folder of the config, and takes variables', async () => {
    const { cwd, config } = await load(
      "{ agent: { listen: ['127.0.0.1:${PORT}', unix:a.sock], allowRemote: '${YES}', tokenFile: t, sinks: [{ path: x, mode: '0640', group: 5 }] } }",
      { env: { PORT: '99', YES: 'true' } },
    );
    expect(config.agent).toMatchObject({
      listen: ['127.0.0.1:99', `unix:${cwd}/a.sock`],
      allowRemote: true,
      tokenFile: `${cwd}/t`,
      sinks: [{ path: `${cwd}/x`, profile: 'default', mode: 0o640, group: 5, format: 'raw', option: 'agent.sinks.0' }],
    });
  });

  it.each([
    ['{ sinks: [{}] }', 'agent.sinks.0.path', 'is required'],
    ['{ listen: [garbage] }', 'agent.listen.0', 'write ADDRESS:PORT, for example 127.0.0.1:7717'],
    ['{ listen: ["xunix:a"] }', 'agent.listen.0', 'write ADDRESS:PORT, for example 127.0.0.1:7717'],
    [
      '{ sinks: [{ path: a, mode: 0640 }] }',
      'agent.sinks.0.mode',
      "must be an octal number in quotes, for example '0640'; it is a number",
    ],
    ["{ sinks: [{ path: a, mode: '0888' }] }", 'agent.sinks.0.mode', "in quotes, for example '0640'"],
    ['{ sinks: [{ path: a, format: json, template: t }] }', 'agent.sinks.0.template', 'not both'],
    ['{ sinks: [{ path: a, variable: "A B" }] }', 'agent.sinks.0.variable', 'must be the name of a variable'],
    ['{ sinks: [{ path: a, profile: nope }] }', 'agent.sinks.0.profile', 'there is no profile "nope"'],
    ['{ requiredProfiles: [nope] }', 'agent.requiredProfiles.0', 'there is no profile'],
    ['{ listen: [] }', 'agent.listen', 'at least one'],
    ['{ listen: "${UNSET}" }', 'agent.listen', 'UNSET is not set'],
    ['[]', 'agent', 'object'],
  ])('%s is refused', async (agent, path, message) => {
    expect(await problems(`{ agent: ${agent} }`)).toEqual([
      { path, message: expect.stringContaining(message), source: expect.stringContaining('imsvault.config.yaml:1') },
    ]);
  });

  it('asks which profile a sink is for, and leaves out those that are not served', async () => {
    const text = 'agent: { sinks: [{ path: x }, { path: y, profile: b }] }\nprofiles: { a: {}, b: {} }';
    expect(await problems(text)).toMatchObject([
      { path: 'agent.sinks.0.profile', message: expect.stringContaining('required') },
    ]);
    const { config } = await load(`defaultProfile: a\n${text}`, { profiles: ['b'] });
    expect(config.agent.sinks.map(({ profile, option }) => [profile, option])).toEqual([
      ['b', 'agent.sinks.0'],
      ['b', 'agent.sinks.1'],
    ]);
  });
});

it.each([
  ['profiles: { a: 5, b: {} }', 'profiles.a', 'a profile must be an object; it is a number'],
  ['{ profiles: { a: {} }, ims: {} }', 'ims', 'must not stand beside "profiles"; move it into each profile'],
  ['{ profiles: { a: {} }, agnt: {} }', 'agnt', 'unknown option; did you mean "agent"?'],
  ['profiles: {}', 'profiles', 'must be an object of profiles by name; it is an empty object'],
])('what has the wrong place is told of with its place: %s', async (text, path, message) => {
  expect(await problems(text)).toEqual([{ path, message, source: 'imsvault.config.yaml:1' }]);
});

describe('of several profiles', () => {
  const login = 'credentials: { provider: vault, path: x, auth: { method: token, token: literal } }';
  const many = (names: string) =>
    `profiles: { ${[...names].map((name) => `${name}: { ${login} }`).join(', ')}, z: {} }`;

  it.each([
    ['a', 'profile a: '],
    ['abcde', 'profile a, b, c, d, e: '],
    ['abcdef', 'profile a, b, c, d, e and 1 more: '],
  ])('a warning names the first five: %s', async (names, start) => {
    const { warnings } = (await load(many(names))).config;
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.startsWith(`${start}credentials.auth.token`)).toBe(true);
  });

  it('one whose module is not there is told of when nothing else is wrong', async () => {
    const text = 'profiles: { a: { credentials: { provider: imsvault-none } }, b: { ims: { orgId: "${ORG}" } } }';
    expect(await problems(text)).toMatchObject([{ path: 'profiles.b.ims.orgId' }]);
    await expect(load(text, { env: { ORG: 'x' } })).rejects.toMatchObject({ code: 'ERR_PROVIDER_NOT_INSTALLED' });
  });

  it('those that are left out take their sinks and requirements with them', async () => {
    const text =
      'agent: { sinks: [{ path: x }, { path: y, profile: c }], requiredProfiles: [a, c] }\nprofiles: { a: {}, b: {}, c: {} }';
    const { agent, defaultName } = (await load(text, { profiles: ['b', 'a'] })).config;
    expect([agent.sinks, agent.requiredProfiles, defaultName]).toEqual([[], ['a'], undefined]);
  });

  it.each([
    ['prd', 'there is no profile "prd"; did you mean "prod"?'],
    ['p8e-S3cret0123456789', 'there is no profile "(a key not shown)"'],
  ])('one that is not there is named as far as it may be: %s', async (name, message) => {
    const text = `{ agent: { sinks: [{ path: x, profile: "${name}" }] }, profiles: { prod: {} } }`;
    expect((await problems(text)).map((problem) => problem.message)).toEqual([message]);
  });

  it.each([
    ['--profile', { profiles: ['prod'] }],
    ['IMSVAULT_PROFILE', { env: { IMSVAULT_PROFILE: 'prod' } }],
  ])('none is there by name in a config without: %s', async (source, given) => {
    const message = 'there is no profile "prod": the config has no "profiles"';
    expect(await problems('ims: {}', given)).toEqual([{ path: '', message, source }]);
  });

  it('the default one is told of by what named it', async () => {
    const two = 'profiles: { aa: {}, bb: {} }';
    const message = 'there is no profile "c"; the config has aa, bb';
    expect(await problems(two, { env: { IMSVAULT_PROFILE: 'c' } })).toEqual([
      { path: '', message, source: 'IMSVAULT_PROFILE' },
    ]);
    expect(await problems(`defaultProfile: c\n${two}`)).toEqual([
      { path: 'defaultProfile', message, source: 'imsvault.config.yaml:1' },
    ]);
    expect((await load(`defaultProfile: aa\n${two}`, { env: { IMSVAULT_PROFILE: 'bb' } })).config.defaultName).toBe(
      'bb',
    );
    expect((await load(`defaultProfile: aa\n${two}`, { profiles: ['bb'] })).config.defaultName).toBe('bb');
  });

  it.each([
    ['{ defaultProfile: 5, profiles: { a: {} } }', "must be a profile's name; it is a number"],
    ['{ defaultProfile: "${NONE}", profiles: { a: {} } }', 'the environment variable NONE is not set'],
  ])('the default one is a text: %s', async (text, message) => {
    expect(await problems(text)).toEqual([{ path: 'defaultProfile', message, source: 'imsvault.config.yaml:1' }]);
  });
});

it('a file has a stamp from before it was read, a config that a program gave has none', async () => {
  const { config, cwd } = await load('ims: {}');
  expect(config.stamp).toEqual(expect.any(String));
  const given = await loadConfig({ config: { ims: {} }, env: {}, cwd, home: cwd });
  expect([given.file, given.stamp, [...given.profiles.keys()]]).toEqual([undefined, null, ['default']]);
});

describe('the agent of a config that was found', () => {
  it.each([
    "{ listen: ['127.0.0.1:0', '[::1]:1', unix:a.sock], sinks: [{ path: x/../y, mode: '0400' }] }",
    "{ listen: '127.0.0.1:7717', healthListen: localhost:7718, allowRemote: false, sinks: [{ path: below/it/y }] }",
    "{ tokenFileMode: '0600', sinks: [{ path: y, mode: '600' }] }",
  ])('may serve its user from its own folder: %s', async (agent) => {
    expect((await load(`{ agent: ${agent} }`, { found: true })).config.agent.sinks).toHaveLength(1);
  });

  const reach = 'set this, because others than you could reach the token';
  it.each([
    ['{ listen: 0.0.0.0:7717 }', 'agent.listen', 'open the agent to other machines'],
    ["{ listen: ['127.0.0.1:1', 127.0.0.1.evil.example:1] }", 'agent.listen', 'open the agent to other machines'],
    ['{ healthListen: 10.0.0.1:80 }', 'agent.healthListen', 'open the agent to other machines'],
    ['{ listen: unix:/tmp/a.sock }', 'agent.listen', 'write outside its folder'],
    ['{ listen: unix:../a.sock }', 'agent.listen', 'write outside its folder'],
    ['{ allowRemote: true }', 'agent.allowRemote', reach],
    ['{ tls: { certFile: a, keyFile: b } }', 'agent.tls', reach],
    ['{ hostNames: [a] }', 'agent.hostNames', reach],
    ['{ group: 0 }', 'agent.group', reach],
    ['{ tokenFile: t }', 'agent.tokenFile', reach],
    ["{ tokenFileMode: '0644' }", 'agent.tokenFileMode', 'let others read a token'],
    ['{ sinks: [{ path: ~/.bashrc2/x }] }', 'agent.sinks.0.path', 'write outside its folder'],
    ['{ sinks: [{ path: /etc/x }] }', 'agent.sinks.0.path', 'write outside its folder'],
    ["{ sinks: [{ path: x, mode: '0644' }] }", 'agent.sinks.0.mode', 'let others read a token'],
    ['{ sinks: [{ path: x, owner: 0 }] }', 'agent.sinks.0.owner', 'give a token to others'],
    ['{ sinks: [{ path: x, group: staff }] }', 'agent.sinks.0.group', 'give a token to others'],
    ['{ sinks: [{ path: x, template: t }] }', 'agent.sinks.0.template', 'name a template, because its code would run'],
    ["{ sinks: [{ path: '${HOME}/x' }] }", 'agent.sinks.0.path', 'write outside its folder'],
  ])('may not say %s', async (agent, path, what) => {
    const config = load(`{ agent: ${agent} }`, { found: true, env: { HOME: '/root' } });
    expect((await problemsOf(config)).map(({ path, message }) => ({ path, message }))).toEqual([
      {
        path,
        message: `a file found by search may not ${what}; name the file by --config or IMSVAULT_CONFIG if you trust it`,
      },
    ]);
  });

  it('may not lead out of its folder by a link', async () => {
    const cwd = await tempFolder();
    await symlink(tmpdir(), join(cwd, 'link'));
    await write(cwd, 'imsvault.config.yaml', '{ agent: { sinks: [{ path: link/x }] } }');
    expect(await problemsOf(loadConfig({ env: {}, cwd, home: cwd }))).toMatchObject([{ path: 'agent.sinks.0.path' }]);
  });

  it.each([
    ['{ listen: [5] }', 'agent.listen'],
    ['{ sinks: 5 }', 'agent.sinks'],
    ['{ sinks: [null] }', 'agent.sinks.0'],
    ['{ sinks: [{ path: 5 }] }', 'agent.sinks.0.path'],
  ])('that is of another shape is told so as in every config: %s', async (agent, path) => {
    const [found, ...more] = await problemsOf(load(`{ agent: ${agent} }`, { found: true }));
    expect(more).toEqual([]);
    expect(found?.path).toBe(path);
    expect(found?.message).not.toContain('found by search');
  });
});

it('lets no sink write over a file that is read', async () => {
  const text = (path: string) => `
profiles:
  a:
    ims: { caFile: ./ims.pem }
    credentials:
      provider: chain
      providers:
        - { provider: file, path: ./credential.json }
        - { provider: vault, path: p, auth: { method: approle, roleId: r, secretIdFile: ./secret-id } }
    tokenStore: { provider: file, path: ./token.json }
  b: { credentials: { provider: env, dotenv: ./.env } }
agent:
  tokenFile: ./agent-token
  tls: { certFile: ./cert.pem, keyFile: ./key.pem }
  sinks:
    - { path: ./fine, profile: a, template: ./template }
    - { path: ${path}, profile: b }`;
  for (const [path, other] of [
    ['./ims.pem', 'ims.caFile of the profile a'],
    ['./credential.json', 'credentials.providers.0.path of the profile a'],
    ['./secret-id', 'credentials.providers.1.auth.secretIdFile of the profile a'],
    ['./token.json', 'tokenStore.path of the profile a'],
    ['./.env', 'credentials.dotenv of the profile b'],
    ['./agent-token', 'agent.tokenFile'],
    ['./cert.pem', 'agent.tls.certFile'],
    ['sub/../key.pem', 'agent.tls.keyFile'],
    ['./template', 'agent.sinks.0.template'],
    ['./imsvault.config.yaml', 'the config'],
  ]) {
    expect(await problems(text(path as string))).toEqual([
      {
        path: 'agent.sinks.1.path',
        message: `is that of ${other}, which a token would replace`,
        source: 'imsvault.config.yaml:17',
      },
    ]);
  }
  // What other options name is no file.
  for (const path of ['./other', './p', './r', './approle']) await load(text(path));
});
