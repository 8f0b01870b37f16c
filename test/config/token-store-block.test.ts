import { describe, expect, it } from 'vitest';
import { identityInNames } from '../../src/token/identity.js';
import { loadNamed, problemsOf } from './support.js';

const vault = 'credentials: { provider: vault, path: ims/client, address: "https://v.example:8200", timeout: 3s }';

describe('a token store in the same store as the credentials', () => {
  it('takes over how to reach it, with where each value stands', async () => {
    const profile = await loadNamed(`${vault}\ntokenStore:\n  provider: vault\n  path: ims/token`);
    expect(profile.tokenStore).toMatchObject({
      connection: { address: 'https://v.example:8200' },
      ref: { path: 'ims/token' },
      timeoutMs: 10_000,
    });
    expect(profile.origins.get('tokenStore.address')).toBe('imsvault.config.yaml:1');
    expect(profile.origins.get('tokenStore.path')).toBe('imsvault.config.yaml:4');
    expect(profile.origins.get('tokenStore.timeout')).toBe('default');
  });

  it('needs no option that the credentials give', async () => {
    const azure = { provider: 'azure-key-vault', vaultUrl: 'https://v.vault.azure.net' };
    const config = { credentials: { ...azure, secretName: 'a' }, tokenStore: { ...azure, vaultUrl: undefined } };
    const profile = await loadNamed(
      JSON.stringify({ ...config, tokenStore: { ...config.tokenStore, secretName: 'b' } }),
    );
    expect(profile.tokenStore).toMatchObject({ connection: { vaultUrl: azure.vaultUrl }, ref: { secretName: 'b' } });
  });

  it('takes over nothing as soon as it says anything itself', async () => {
    const profile = await loadNamed(
      `${vault.replace('}', ', namespace: team }')}\ntokenStore: { provider: vault, path: t, address: "https://w.example" }`,
    );
    expect(profile.tokenStore?.connection).toMatchObject({ address: 'https://w.example' });
    expect(profile.tokenStore?.connection.namespace).toBeUndefined();
  });

  it('takes over nothing from another provider, and the first of its own from a chain', async () => {
    const other = await loadNamed(`${vault}\ntokenStore: { provider: aws-secrets-manager, secretId: t }`);
    expect(other.tokenStore?.connection.address).toBeUndefined();
    const profile = await loadNamed(
      [
        'credentials:',
        '  provider: chain',
        '  providers:',
        '    - { provider: env }',
        '    - { provider: vault, path: a, address: "https://one.example" }',
        '    - { provider: vault, path: b, address: "https://two.example" }',
        'tokenStore: { provider: vault, path: t }',
      ].join('\n'),
    );
    expect(profile.tokenStore?.connection.address).toBe('https://one.example');
    expect(profile.origins.get('tokenStore.address')).toBe('imsvault.config.yaml:5');
  });

  it('says once, where it stands, what is wrong with an option of both', async () => {
    const text =
      'credentials: { provider: vault, path: a, namespace: "/x/" }\ntokenStore: { provider: vault, path: t }';
    expect((await problemsOf(loadNamed(text))).map(({ path }) => path)).toEqual(['credentials.namespace']);
  });

  it('shows no secret that came from a reference', async () => {
    const env = { TOKEN: 'hvs.not-to-be-shown' };
    const text =
      'credentials: { provider: vault, path: a, auth: { method: token, token: "${TOKEN}" } }\ntokenStore: { provider: vault, path: t }';
    const profile = await loadNamed(text, { env });
    expect(profile.tokenStore?.connection.auth).toBeDefined();
    expect(JSON.stringify(profile.redacted())).not.toContain(env.TOKEN);
  });
});

describe('{identity}', () => {
  it.each([
    ['vault', 'path', 'ims/{identity}/token', {}],
    ['aws-secrets-manager', 'secretId', 'ims/{identity}', {}],
    ['azure-key-vault', 'secretName', 'ims-{identity}', { vaultUrl: 'https://v.vault.azure.net' }],
  ])('is replaced in the name of a secret: %s', async (provider, key, name, rest) => {
    const load = (scope: string) =>
      loadNamed(JSON.stringify({ ims: { scope }, tokenStore: { provider, [key]: name, ...rest } }));
    const one = (await load('openid')).tokenStore;
    const digits = identityInNames(one?.identity ?? '');
    expect(digits).toMatch(/^[0-9a-f]{64}$/);
    expect(one?.ref[key]).toBe(name.replace('{identity}', digits));
    expect((await load('openid,AdobeID')).tokenStore?.ref[key]).not.toBe(one?.ref[key]);
  });

  it('is replaced in nothing else', async () => {
    const text = 'tokenStore: { provider: vault, path: t, namespace: "a{identity}" }';
    expect((await loadNamed(text)).tokenStore?.connection.namespace).toBe('a{identity}');
  });
});

describe('identityRevision', () => {
  it('is 0 unless given, and a whole number', async () => {
    const load = (more: string) => loadNamed(`tokenStore: { provider: vault, path: t${more} }`);
    expect((await load('')).tokenStore?.identityRevision).toBe(0);
    expect((await load(', identityRevision: 3')).tokenStore?.identityRevision).toBe(3);
    for (const bad of ['-1', '1.5', 'x']) {
      expect((await problemsOf(load(`, identityRevision: ${bad}`))).map(({ path }) => path)).toEqual([
        'tokenStore.identityRevision',
      ]);
    }
  });
});
