import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createTokenProvider, type ImsvaultConfig } from '../../src/index.js';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import type { Permission } from '../support/azure/key-vault.js';
import { type ApplicationLogin, type AzureStandIn, startAzure } from '../support/azure/stand-in.js';
import { render } from './support/template.js';
import { TERRAFORM_DIR } from './support/terraform.js';

const MODULE = join(TERRAFORM_DIR, 'azure');
const NAMES = { credential: 'ims-fusion', token: 'ims-fusion-token', claim: 'ims-fusion-token-claim' };
type Secret = keyof typeof NAMES;

/** The stand-in's permissions are these data actions, one for one. */
const DATA_ACTIONS: Record<string, Permission> = {
  'Microsoft.KeyVault/vaults/secrets/getSecret/action': 'get',
  'Microsoft.KeyVault/vaults/secrets/readMetadata/action': 'list',
  'Microsoft.KeyVault/vaults/secrets/setSecret/action': 'set',
  'Microsoft.KeyVault/vaults/secrets/update/action': 'update',
};

const roles = JSON.parse(readFileSync(join(MODULE, 'roles.json'), 'utf8')) as Record<
  string,
  { data_actions: string[] }
>;

/** The lines of main.tf's `assignments`: identity, role, and which secret. */
const assignments = [
  ...readFileSync(join(MODULE, 'main.tf'), 'utf8').matchAll(
    /(renewer|consumer)-(credential|token|claim) += \{ identity = "(\w+)", role = "([\w-]+)"/g,
  ),
].map(([, who = '', secret = '', identity = '', role = '']) => ({ who, secret: secret as Secret, identity, role }));

describe('infra/terraform/azure: its roles, on the stand-in for Key Vault', () => {
  let azure: AzureStandIn;
  let ims: ImsEmulator;
  const logins: Record<string, ApplicationLogin> = {};

  beforeAll(async () => {
    azure = await startAzure();
    ims = await createImsEmulator().start();
    const credential = (secret: string) => JSON.stringify({ client_id: 'emulator-client-id', client_secret: secret });
    // A rotation that went wrong, so that the version before is needed.
    azure.vault.store.add(NAMES.credential, credential('emulator-client-secret'), {});
    azure.vault.store.add(NAMES.credential, credential('wrong'), {});
    azure.vault.store.add('other', 'of somebody else', {});
    for (const identity of ['renewer', 'consumer']) logins[identity] = azure.createApplication();
    for (const { secret, identity, role } of assignments) {
      azure.vault.grantOn(loginOf(identity).clientId, NAMES[secret], ...permissionsOf(role));
    }
  });
  afterAll(async () => {
    await ims?.stop();
    await azure?.close();
  });

  const loginOf = (identity: string) => logins[identity] ?? expect.unreachable();
  const permissionsOf = (role: string) =>
    (roles[role] ?? expect.unreachable(`there is no role ${role}`)).data_actions.map(
      (action) => DATA_ACTIONS[action] ?? expect.unreachable(`${role} grants ${action}`),
    );

  /** The config that the module prints, with the stand-in's trust and a login that it knows. */
  function configOf(identity: 'renewer' | 'consumer', login: string = identity): ImsvaultConfig {
    const { tenantId, clientId, clientSecret } = loginOf(login);
    const auth = JSON.stringify({
      method: 'client-secret',
      tenantId,
      clientId,
      clientSecret,
      authorityHost: new URL(azure.entra.url).origin,
    });
    const printed = parse(
      render(`azure/configs/${identity}.yaml.tftpl`, { ...NAMES, vault_url: azure.vault.url, auth }),
    );
    const trusting = Object.fromEntries(
      Object.entries(printed as Record<string, object>).map(([name, block]) => [name, { ...block, ...azure.trust }]),
    );
    return { ims: { tokenEndpoint: ims.tokenEndpoint }, ...trusting } as ImsvaultConfig;
  }

  async function getToken(config: ImsvaultConfig): Promise<{ token: string; warnings: string[] }> {
    const warnings: string[] = [];
    const provider = createTokenProvider(config, { env: {}, onWarning: (message) => warnings.push(message) });
    try {
      return { token: (await provider.getToken()).accessToken, warnings };
    } finally {
      await provider.close();
    }
  }

  const usedBy = (identity: string) =>
    [...azure.vault.used]
      .filter((use) => use.startsWith(`${loginOf(identity).clientId} `))
      .map((use) => use.split(' ').slice(1).join(' '))
      .sort();
  const grantedTo = (identity: string) =>
    assignments
      .filter((assignment) => assignment.identity === identity)
      .flatMap(({ secret, role }) => permissionsOf(role).map((permission) => `${NAMES[secret]} ${permission}`))
      .sort();

  it('reads all assignments of the module', () => {
    expect(assignments.map(({ who, secret, identity }) => [who === identity, secret])).toEqual([
      [true, 'credential'],
      [true, 'token'],
      [true, 'claim'],
      [true, 'token'],
    ]);
    expect(new Set(assignments.map(({ role }) => role))).toEqual(new Set(Object.keys(roles)));
  });

  it('the renewer makes a token, past a rotation that went wrong, and uses all that it is granted', async () => {
    const { token, warnings } = await getToken(configOf('renewer'));
    expect(ims.isIssued(token)).toBe(true);
    expect(warnings).toEqual([expect.stringMatching(/IMS rejected the client secret to use/)]);
    expect(usedBy('renewer')).toEqual(grantedTo('renewer'));
  });

  it('the consumer takes it, and uses all that it is granted', async () => {
    const { warnings } = await getToken(configOf('consumer'));
    expect(warnings).toEqual([]);
    expect(ims.exchanges).toBe(1);
    expect(usedBy('consumer')).toEqual(grantedTo('consumer'));
    expect(grantedTo('consumer')).toEqual([`${NAMES.token} get`]);
  });

  it('a consumer cannot read the credential', async () => {
    const { tokenStore: _store, ...own } = configOf('renewer', 'consumer') as Record<string, unknown>;
    await expect(getToken(own as ImsvaultConfig)).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
  });

  it('a renewer cannot read another secret', async () => {
    const { credentials, ims: endpoint } = configOf('renewer') as unknown as Record<string, object>;
    const greedy = { ims: endpoint, credentials: { ...credentials, secretName: 'other' } };
    await expect(getToken(greedy as ImsvaultConfig)).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
  });
});
