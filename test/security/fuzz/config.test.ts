import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { stringify as toYaml } from 'yaml';
import { loadProfile, type ResolvedProfile } from '../../../src/config/load.js';
import { parseConfigText } from '../../../src/config/parse-file.js';
import { isNestedDeeper } from '../../../src/nesting.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { expectOwn, fuzz } from './fuzz.js';
import { mutated, mutatedText, secrets, stringify } from './mutations.js';

const blocks = fc.constantFrom<object>(
  { provider: 'env' },
  { provider: 'env', clientId: 'MY_ID', clientSecret: 'MY_SECRET', dotenv: '.env' },
  { provider: 'file', path: '/run/secrets/ims.json' },
  {
    provider: 'vault',
    address: 'https://vault.example:8200',
    path: 'ims/fusion',
    auth: { method: 'approle', roleId: 'r', secretIdFile: 's' },
  },
  { provider: 'vault', address: 'http://127.0.0.1:8200', path: 'ims', auth: { method: 'token', token: '${SECRET}' } },
  { provider: 'aws-secrets-manager', secretId: 'ims/fusion', region: 'eu-west-1' },
  {
    provider: 'azure-key-vault',
    vaultUrl: 'https://x.vault.azure.net',
    secretName: 'ims',
    auth: { method: 'client-secret', tenantId: 't', clientId: 'c', clientSecret: '${SECRET}' },
  },
);
const profiles = fc.record(
  {
    ims: fc.constantFrom(
      {},
      {
        tokenEndpoint: 'https://ims-na1.adobelogin.com/ims/token/v3',
        scope: ['openid'],
        timeout: '30s',
        retry: { maxAttempts: 2, baseDelay: '1s' },
      },
      { tokenEndpoint: 'http://127.0.0.1:1/x', orgId: 'a@AdobeOrg', clientId: 'c', requestTimeout: 1000 },
      { tokenEndpoint: 'http://ims.example/x', allowSecretsOverPlainHttp: true },
    ),
    renewal: fc.constantFrom({}, { softFractionMin: 0.5, softFractionMax: 0.9, hardMargin: '5m', background: false }),
    credentials: fc.oneof(
      blocks,
      fc.array(blocks, { minLength: 1, maxLength: 3 }).map((providers) => ({ provider: 'chain', providers })),
    ),
    tokenStore: fc.constantFrom({
      provider: 'vault',
      address: 'https://vault.example',
      path: 'ims/token',
      auth: { method: 'token', token: '${SECRET}' },
    }),
    rotation: fc.constantFrom({ orgId: '1', credentialId: '2' }),
    cache: fc.constantFrom<unknown>(true, 'off'),
  },
  { requiredKeys: [] },
);
const configs = fc.oneof(
  { weight: 4, arbitrary: profiles },
  {
    weight: 1,
    arbitrary: fc.record({
      defaultProfile: fc.constantFrom('a', 'b'),
      profiles: fc.dictionary(fc.constantFrom('a', 'b', 'c'), profiles, { minKeys: 1 }),
    }),
  },
);
/** A secret where none belongs: as a value, in a URL, or as a key. */
const misplaced = fc
  .tuple(mutated(configs), secrets, fc.constantFrom('none', 'none', 'value', 'url', 'key', 'chain'))
  .map(([tree, secret, where]) => {
    if (typeof tree !== 'object' || tree === null || where === 'none') return { tree, secret };
    const credentials = {
      provider: 'vault',
      address: 'https://vault.example',
      path: 'x',
      auth: { method: 'token', token: secret },
    };
    const more = {
      value: { credentials },
      chain: { credentials: { provider: 'chain', providers: [{ provider: 'env' }, credentials] } },
      url: { ims: { tokenEndpoint: `https://user:${encodeURIComponent(secret)}@ims.example/` } },
      key: { [secret]: true },
    }[where];
    return { tree: { ...tree, ...more }, secret };
  });

const texts = misplaced.chain(({ tree, secret }) => {
  const json = stringify(tree);
  let yaml = json;
  try {
    yaml = toYaml(JSON.parse(json));
  } catch {
    // It is too deep for it.
  }
  return fc
    .record({
      secret: fc.constant(secret),
      file: fc.constantFrom(
        { name: 'c.json', text: json },
        { name: 'c.yaml', text: yaml },
        { name: 'c.yaml', text: `x: &a [1]\ny: *a\n${yaml}` },
      ),
      edit: fc.boolean(),
    })
    .chain(({ secret, file, edit }) =>
      fc.record({
        secret: fc.constant(secret),
        name: fc.constant(file.name),
        text: edit ? mutatedText(fc.constant(file.text)) : fc.constant(file.text),
      }),
    );
});

const between = (value: number, min: number, max: number) =>
  expect(value >= min && value <= max, `${value} of ${min} to ${max}`).toBe(true);
const isLoopback = (host: string) => host === 'localhost' || /^127(\.\d+){3}$/.test(host) || host === '[::1]';

/** The bounds of docs/configuration.md, said anew. */
function expectSound({ ims, renewal, credentials, tokenStore, rotation }: ResolvedProfile, tree: unknown): void {
  const url = new URL(ims.tokenEndpoint);
  expect([url.username, url.password, url.search, url.hash].join('')).toBe('');
  const risk = stringify(tree).includes('"allowSecretsOverPlainHttp":true');
  expect(url.protocol === 'https:' || risk || isLoopback(url.hostname), 'plain http').toBe(true);
  between(ims.timeoutMs, 100, 600_000);
  between(ims.retry.maxAttempts, 1, 10);
  between(ims.retry.maxRetryAfterMs, 0, 3_600_000);
  for (const bound of Object.values(ims.timeouts)) between(bound, 10, 300_000);
  between(renewal.softFractionMin, Number.MIN_VALUE, renewal.softFractionMax);
  expect(renewal.softFractionMax).toBeLessThan(1);
  for (const margin of [renewal.hardMarginMs, renewal.floorMarginMs]) between(margin, 0, 86_400_000);
  const stores = credentials?.provider === 'chain' ? 'links' in credentials && credentials.links : [credentials];
  expect(stores && stores.length > 0 && (credentials !== undefined || tokenStore !== undefined)).toBe(true);
  for (const one of [...(stores || []), tokenStore])
    if (one !== undefined) between((one as { timeoutMs: number }).timeoutMs, 100, 120_000);
  if (rotation !== undefined) expect(new URL(rotation.endpoint).origin).toBe(rotation.endpoint);
}

describe('configs', () => {
  fuzz('config text', texts, ({ secret, name, text }) => {
    let value: unknown;
    try {
      ({ value } = parseConfigText(text, name));
    } catch (error) {
      expectOwn(error, ['ERR_CONFIG_INVALID'], [secret]);
      return 'refused';
    }
    const size = stringify(value).length;
    expect(size, 'a text that multiplies').toBeLessThan(60 * (text.length + 100));
    if (name === 'c.json')
      expect(isDeepStrictEqual(value, JSON.parse(text.replace(/^\uFEFF/, ''))), 'not what JSON means').toBe(true);
    return 'accepted';
  });

  // As deep as a file may be; a program that passes a deeper object harms nobody but itself.
  const shallow = misplaced.filter(({ tree }) => !isNestedDeeper(tree, 100));
  fuzz('config values', shallow, async ({ tree, secret }) => {
    let profile: ResolvedProfile;
    const env = { SECRET: secret };
    try {
      profile = await loadProfile({ config: tree, env, cwd: '/nowhere', home: '/nowhere' });
    } catch (error) {
      expectOwn(error, ['ERR_CONFIG_INVALID', 'ERR_PROVIDER_NOT_INSTALLED'], [secret]);
      return 'refused';
    }
    expectSound(profile, tree);
    const { credentials: _code, tokenStore: _same, ...shown } = profile;
    expectNoSecrets({ ...shown, redacted: profile.redacted(), origins: [...profile.origins] }, [secret]);
    return 'accepted';
  });
});
