import { describe, expect, it } from 'vitest';
import { azureKeyVaultOptions } from '../../../providers/azure-key-vault/options.js';
import { Redacted, reveal } from '../../../src/redacted.js';
import { expectNoSecrets } from '../../support/leaks.js';

const vaultUrl = 'https://v.vault.azure.net';
const named = { vaultUrl, secretName: 'ims' };

function problems(block: unknown): string[] {
  const result = azureKeyVaultOptions.safeParse(block);
  return result.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
}

describe('azure-key-vault options', () => {
  it('needs a vault and a secret only', () => {
    expect(azureKeyVaultOptions.parse(named)).toEqual({
      ...named,
      auth: { method: 'default' },
      disablePreviousVersions: false,
      disableInstanceDiscovery: false,
      disableChallengeResourceVerification: false,
    });
  });

  it.each([
    ['no secret', { vaultUrl }, /^secretName: name the secret: secretName, or clientIdSecretName/],
    ['both forms', { ...named, clientIdSecretName: 'i', clientSecretSecretName: 's' }, /^secretName: .*not both/],
    ['half a pair, and the one', { ...named, clientIdSecretName: 'i' }, /^secretName: .*not both/],
    ['an id without a secret', { vaultUrl, clientIdSecretName: 'i' }, /^clientSecretSecretName: is missing/],
    ['a secret without an id', { vaultUrl, clientSecretSecretName: 's' }, /^clientIdSecretName: is missing/],
    [
      'a version of two secrets',
      { vaultUrl, clientIdSecretName: 'i', clientSecretSecretName: 's', version: '1' },
      /^version: works with secretName only/,
    ],
    ['no vault', { secretName: 'ims' }, /^vaultUrl: /],
    ['plain http', { ...named, vaultUrl: 'http://v.vault.azure.net' }, /^vaultUrl: .*https:\/\//],
    ['a bare name', { ...named, vaultUrl: 'v' }, /^vaultUrl: .*https:\/\//],
    ['a path', { ...named, vaultUrl: `${vaultUrl}/secrets/ims` }, /^vaultUrl: .*without a path/],
    ['a login in the URL', { ...named, vaultUrl: 'https://u:p@v.vault.azure.net' }, /^vaultUrl: .*without a path/],
    ['a name with a slash', { ...named, secretName: 'ims/fusion' }, /^secretName: must be the name/],
    ['an unknown method', { ...named, auth: { method: 'magic' } }, /^auth\.method: /],
    [
      'two names of one identity',
      { ...named, auth: { method: 'managed-identity', clientId: 'c', resourceId: '/subscriptions/s' } },
      /^auth\.resourceId: .*not by both/,
    ],
    [
      'no client secret',
      { ...named, auth: { method: 'client-secret', tenantId: 't', clientId: 'c' } },
      /^auth\.clientSecret: give exactly one/,
    ],
    [
      'no tenant',
      { ...named, auth: { method: 'client-secret', clientId: 'c', clientSecretFile: 'f' } },
      /^auth\.tenantId: /,
    ],
    [
      'an authority over http',
      { ...named, auth: { method: 'default', authorityHost: 'http://login.example' } },
      /^auth\.authorityHost: .*https:\/\//,
    ],
  ])('refuses %s', (_title, block, expected) => {
    expect(problems(block)).toEqual([expect.stringMatching(expected)]);
  });

  it('takes a slash at the end of the URL', () => {
    expect(problems({ ...named, vaultUrl: `${vaultUrl}/` })).toEqual([]);
  });

  it('wraps a client secret at once', () => {
    const auth = { method: 'client-secret', tenantId: 't', clientId: 'c', clientSecret: 'entra~secret~value' };
    const parsed = azureKeyVaultOptions.parse({ ...named, auth });
    expect(parsed.auth).toMatchObject({ clientSecret: expect.any(Redacted) });
    expect(parsed.auth.method === 'client-secret' && parsed.auth.clientSecret && reveal(parsed.auth.clientSecret)).toBe(
      'entra~secret~value',
    );
    expectNoSecrets(parsed, ['entra~secret~value']);
  });
});
