import { expect, it } from 'vitest';
import { loadFound, loadNamed, problemsOf } from './support.js';

it('has defaults, and takes a number as YAML writes it', async () => {
  const { rotation } = await loadNamed('rotation: { orgId: 12345, credentialId: 67890 }');
  expect(rotation).toEqual({
    orgId: '12345',
    credentialId: '67890',
    endpoint: 'https://api.adobe.io',
    scope: [
      'AdobeID',
      'openid',
      'read_organizations',
      'additional_info.projectedProductContext',
      'additional_info.roles',
      'adobeio_api',
      'read_client_secret',
      'manage_client_secrets',
    ],
  });
  expect((await loadNamed('credentials: { provider: env }')).rotation).toBeUndefined();
});

it.each([
  ['rotation: { orgId: "123@AdobeOrg", credentialId: a }', 'rotation.orgId', /^must be /],
  ['rotation: { orgId: 1, credentialId: "../2" }', 'rotation.credentialId', /^must be /],
  ['rotation: { orgId: 1 }', 'rotation.credentialId', /required/],
  [
    'rotation: { orgId: 1, credentialId: a, endpoint: "http://api.adobe.io" }',
    'rotation.endpoint',
    /^must start with https:\/\/$/,
  ],
  [
    'rotation: { orgId: 1, credentialId: a, endpoint: "https://api.adobe.io/console" }',
    'rotation.endpoint',
    /^must be an origin, without a path$/,
  ],
  ['rotation: { orgId: 1, credentialId: a, endpoint: nonsense }', 'rotation.endpoint', /^must be an https/],
  ['rotation: { orgId: 1, credentialId: a, scope: [] }', 'rotation.scope', /at least one/],
])('refuses %s', async (text, path, message) => {
  expect(await problemsOf(loadNamed(text))).toEqual([
    expect.objectContaining({ path, message: expect.stringMatching(message) }),
  ]);
});

it('takes an emulator on this machine, and ids with white space around', async () => {
  const text = 'rotation: { orgId: " 1 ", credentialId: a, endpoint: "http://127.0.0.1:8080" }';
  expect((await loadNamed(text)).rotation).toMatchObject({ orgId: '1', endpoint: 'http://127.0.0.1:8080' });
});

it('lets a file found by search send its token to Adobe only', async () => {
  const found = (endpoint: string) => loadFound(`rotation: { orgId: 1, credentialId: a, endpoint: "${endpoint}" }`);
  expect((await found('https://api.adobe.io')).rotation?.endpoint).toBe('https://api.adobe.io');
  for (const endpoint of ['https://api.adobe.io.evil.example', 'http://127.0.0.1:1', 'https://other.adobe.io']) {
    expect((await problemsOf(found(endpoint))).map(({ path }) => path)).toEqual(['rotation.endpoint']);
  }
});
