import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createTokenProvider, type ImsvaultConfig } from '../../src/index.js';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import { startOpenBao, type VaultServer } from '../live/servers/openbao.js';
import { field } from '../live/servers/vault-fixture.js';
import { render } from './support/template.js';
import { copyExample, findPlugins, findTerraform, skipReason, TERRAFORM_DIR } from './support/terraform.js';

const MODULE = join(TERRAFORM_DIR, 'vault');
const PATHS = { mount: 'secret', credential_path: 'ims/fusion', token_path: 'ims/fusion-token' };
const IDENTITIES = ['renewer', 'consumer'] as const;
type Identity = (typeof IDENTITIES)[number];

describe('infra/terraform/vault: its policies and configs, on a real OpenBao', () => {
  let server: VaultServer;
  let ims: ImsEmulator;
  let folder: string;
  const configs = {} as Record<Identity, ImsvaultConfig>;
  const tokens = {} as Record<Identity, string>;

  beforeAll(async () => {
    server = await startOpenBao();
    ims = await createImsEmulator().start();
    folder = mkdtempSync(join(tmpdir(), 'imsvault-terraform-'));
    const credential = { client_id: 'emulator-client-id', client_secret: 'emulator-client-secret' };
    await server.api('secret/data/ims/fusion', { data: credential });
    await server.api('secret/data/ims/other', { data: { of: 'somebody else' } });
    await server.api('sys/auth/approle', { type: 'approle' });
    for (const identity of IDENTITIES) {
      const name = `imsvault-${identity}`;
      await server.api(`sys/policies/acl/${name}`, { policy: render(`vault/policies/${identity}.hcl.tftpl`, PATHS) });
      await server.api(`auth/approle/role/${name}`, roleOf(name));
      const roleId = field(await server.api(`auth/approle/role/${name}/role-id`), 'data', 'role_id');
      const secretId = field(await server.api(`auth/approle/role/${name}/secret-id`, {}), 'data', 'secret_id');
      const secretIdFile = join(folder, identity);
      writeFileSync(secretIdFile, secretId, { mode: 0o600 });
      const auth = `{ method: approle, mount: approle, roleId: ${roleId}, secretIdFile: ${secretIdFile} }`;
      const printed = parse(render(`vault/configs/${identity}.yaml.tftpl`, { ...PATHS, auth })) as ImsvaultConfig;
      configs[identity] = { ims: { tokenEndpoint: ims.tokenEndpoint }, ...printed } as ImsvaultConfig;
      const login = await server.api('auth/approle/login', { role_id: roleId, secret_id: secretId });
      tokens[identity] = field(login, 'auth', 'client_token');
    }
  });
  afterAll(async () => {
    await ims?.stop();
    await server?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  /** What main.tf says of the role. */
  function roleOf(policy: string): object {
    const main = readFileSync(join(MODULE, 'main.tf'), 'utf8');
    const [, block = ''] = /"vault_approle_auth_backend_role" "this" \{([\s\S]*?)\n\}/.exec(main) ?? [];
    const noDefault = /token_no_default_policy += true/.test(block);
    expect(block).toContain('[vault_policy.this[each.key].name]');
    return { token_policies: [policy], token_no_default_policy: noDefault, token_ttl: 3600, token_max_ttl: 14400 };
  }

  async function getToken(config: ImsvaultConfig): Promise<string> {
    const warnings: string[] = [];
    const env = { VAULT_ADDR: server.address };
    const provider = createTokenProvider(config, { env, onWarning: (message) => warnings.push(message) });
    try {
      const { accessToken } = await provider.getToken();
      expect(warnings).toEqual([]);
      return accessToken;
    } finally {
      await provider.close();
    }
  }

  /** Every way to reach these secrets and the server's settings, and whether the login may take it. */
  async function allowedOf(token: string): Promise<string[]> {
    const attempts: [string, string, object | undefined][] = [];
    for (const name of ['fusion', 'fusion-token', 'other', 'fusion-token2']) {
      attempts.push(
        ['GET', `secret/data/ims/${name}`, undefined],
        ['POST', `secret/data/ims/${name}`, { data: { forged: true }, options: { cas: 9999 } }],
        ['DELETE', `secret/data/ims/${name}`, undefined],
        ['GET', `secret/metadata/ims/${name}`, undefined],
        ['POST', `secret/metadata/ims/${name}`, { max_versions: 10 }],
        ['DELETE', `secret/metadata/ims/${name}`, undefined],
        ['POST', `secret/destroy/ims/${name}`, { versions: [1] }],
      );
    }
    attempts.push(
      ['LIST', 'secret/metadata/ims', undefined],
      ['GET', 'sys/policies/acl/imsvault-renewer', undefined],
      ['POST', 'auth/token/create', {}],
      ['GET', 'cubbyhole/any', undefined],
      ['GET', 'auth/token/lookup-self', undefined],
      ['POST', 'auth/token/renew-self', {}],
    );
    const allowed: string[] = [];
    for (const [method, path, body] of attempts) {
      const error = await server.api(path, body, { method, token }).then(
        () => '',
        (reason: Error) => reason.message,
      );
      if (!/: 403 /.test(error)) allowed.push(`${method} ${path}`);
    }
    return allowed;
  }

  it('the renewer makes the token by its AppRole, and the consumer takes it by its own', async () => {
    const token = await getToken(configs.renewer);
    expect(ims.isIssued(token)).toBe(true);
    expect(await getToken(configs.consumer)).toBe(token);
    expect(await getToken(configs.renewer)).toBe(token);
    expect(ims.exchanges).toBe(1);
    const { data } = await server.api('secret/metadata/ims/fusion-token');
    expect(data).toMatchObject({ custom_metadata: { 'imsvault:generation': '1' } });
  });

  it('a consumer that is given the credential in its config cannot read it', async () => {
    const { credentials } = configs.renewer as { credentials: object };
    const { auth } = (configs.consumer as { tokenStore: { auth: object } }).tokenStore;
    const greedy = { ims: { tokenEndpoint: ims.tokenEndpoint }, credentials: { ...credentials, auth } };
    await expect(getToken(greedy as ImsvaultConfig)).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
  });

  it('a renewer may do this, and nothing else', async () => {
    expect(await allowedOf(tokens.renewer)).toEqual([
      'GET secret/data/ims/fusion',
      'GET secret/data/ims/fusion-token',
      'POST secret/data/ims/fusion-token',
      'GET secret/metadata/ims/fusion-token',
      'POST secret/metadata/ims/fusion-token',
      'GET auth/token/lookup-self',
      'POST auth/token/renew-self',
    ]);
  });

  it('a consumer may do this, and nothing else', async () => {
    expect(await allowedOf(tokens.consumer)).toEqual([
      'GET secret/data/ims/fusion-token',
      'GET auth/token/lookup-self',
      'POST auth/token/renew-self',
    ]);
  });

  it('would see a right too many', async () => {
    expect((await allowedOf(server.adminToken)).length).toBeGreaterThan(30);
  });
});

describe.each([
  ['vault', 'hashicorp/vault'],
  ['azure', 'hashicorp/azurerm'],
])('infra/terraform/%s', (module, provider) => {
  const terraform = findTerraform();
  const plugins = findPlugins(provider);
  const skipped = skipReason(`terraform validate of ${module}`, terraform, plugins);

  it.skipIf(skipped !== undefined)(`is valid${skipped === undefined ? '' : ` (not run: ${skipped})`}`, async () => {
    const copy = copyExample(module, 'basic', 'program' in terraform ? terraform.program : expect.unreachable());
    try {
      await copy.run('init', '-no-color', `-plugin-dir=${'folder' in plugins ? plugins.folder : ''}`);
      await copy.run('validate', '-no-color');
    } finally {
      copy.remove();
    }
  });
});
