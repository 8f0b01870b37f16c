import { describe, expect, it } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { redact, reveal } from '../../src/redacted.js';
import { type FieldMap, parseCredential } from '../../src/secret/credential.js';
import { expectNoSecrets } from '../support/leaks.js';

const S1 = 'p8e-first-marked-secret';
const S2 = 'p8e-second-marked-secret';

function parse(value: unknown, fields?: FieldMap) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const { clientId, clientSecrets, scope, orgId } = parseCredential(redact(text), 'the secret', fields);
  return { clientId, secrets: clientSecrets.map(reveal), scope, orgId };
}

function failure(value: unknown, fields?: FieldMap): ImsvaultError {
  try {
    parse(value, fields);
  } catch (error) {
    expectNoSecrets(error, [S1, S2]);
    expect(error).toBeInstanceOf(ImsvaultError);
    expect((error as ImsvaultError).code).toBe('ERR_SECRET_MALFORMED');
    return error as ImsvaultError;
  }
  return expect.unreachable('it should have been refused');
}

const adobe = {
  CLIENT_ID: 'id',
  CLIENT_SECRETS: [S1, S2],
  ORG_ID: 'X@AdobeOrg',
  SCOPES: ['openid', 'AdobeID'],
  TECHNICAL_ACCOUNT_ID: 't@techacct.adobe.com',
  TECHNICAL_ACCOUNT_EMAIL: 'e@techacct.adobe.com',
};

const download = (...credentials: object[]) => ({ project: { workspace: { details: { credentials } } } });
const serverToServer = { client_id: 'id', client_secrets: [S1], scopes: ['openid', 'AdobeID'] };

describe('credential: shapes found in the wild', () => {
  it.each<[string, unknown]>([
    ['snake case', { client_id: 'id', client_secret: S1 }],
    ['camel case', { clientId: 'id', clientSecret: S1 }],
    ['upper case', { CLIENT_ID: 'id', CLIENT_SECRET: S1 }],
    ["Fusion's names", { FUSION_CLIENT_ID: 'id', FUSION_CLIENT_SECRET: S1 }],
    ['api_key', { api_key: 'id', client_secret: S1 }],
    ['white space around', { client_id: ' id\n', client_secret: `${S1}\r\n` }],
    ['a byte order mark', `\uFEFF${JSON.stringify({ client_id: 'id', client_secret: S1 })}`],
    ['a list of one', { client_id: 'id', client_secrets: [S1] }],
    ['a list as a JSON text', { client_id: 'id', client_secret: JSON.stringify([S1]) }],
    ['the same secret said twice', { client_id: 'id', client_secret: S1, client_secrets: [S1] }],
    [
      "the console's download",
      download({ name: 'x', oauth_server_to_server: { client_id: 'id', client_secrets: [S1] } }),
    ],
    [
      "aio's variables as JSON",
      { AIO_ims_contexts_my_ctx_client__id: 'id', AIO_ims_contexts_my_ctx_client__secrets: `["${S1}"]` },
    ],
    ["aio's variables as lines", `AIO_ims_contexts_c_client__id=id\nAIO_ims_contexts_c_client__secrets='["${S1}"]'\n`],
    [
      'lines, indented and with comments',
      `  # fusion\n\n  export  FUSION_CLIENT_ID = id\n\t\n  FUSION_CLIENT_SECRET="${S1}" # used\n`,
    ],
    ['the same id as a list', { client_id: 'id', clientId: ['id'], client_secret: S1 }],
    ['a list with white space before it', { client_id: 'id', client_secret: ` ["${S1}"]` }],
    ['other contexts beside', { client_id: 'id', client_secret: S1, MY_AIO_ims_contexts_c_client__id: 'x' }],
    ['names that go on', { client_id: 'id', client_secret: S1, AIO_ims_contexts_c_client__id_old: 'x' }],
    ['lines', `# fusion\nexport FUSION_CLIENT_ID=id\nFUSION_CLIENT_SECRET="${S1}"\n`],
  ])('%s', (_title, value) => {
    expect(parse(value)).toEqual({ clientId: 'id', secrets: [S1], scope: undefined, orgId: undefined });
  });

  it("Adobe's own JSON, with both secrets in their order", () => {
    expect(parse(adobe)).toEqual({
      clientId: 'id',
      secrets: [S1, S2],
      scope: ['openid', 'AdobeID'],
      orgId: 'X@AdobeOrg',
    });
    expect(parse({ ...adobe, CLIENT_SECRETS: JSON.stringify([S1, S2]) }).secrets).toEqual([S1, S2]);
    expect(parse({ ...adobe, CLIENT_SECRETS: `${S1}, ${S2}` }).secrets).toEqual([S1, S2]);
    expect(parse({ ...adobe, CLIENT_SECRET: S1 }).secrets).toEqual([S1, S2]);
    expect(parse({ ...adobe, CLIENT_SECRET: [S1, S2], CLIENT_SECRETS: [S1] }).secrets).toEqual([S1, S2]);
    expect(parse({ ...adobe, SCOPES: [] }).scope).toBeUndefined();
  });

  it.each(['openid,AdobeID', 'openid, AdobeID', 'openid AdobeID', '["openid","AdobeID"]', ['openid', ' AdobeID ']])(
    'scope as %j',
    (scopes) => {
      expect(parse({ client_id: 'id', client_secret: S1, scopes }).scope).toEqual(['openid', 'AdobeID']);
    },
  );

  it("the console's download, with its scopes", () => {
    expect(parse(download({ jwt: {} }, { oauth_server_to_server: serverToServer }))).toEqual({
      clientId: 'id',
      secrets: [S1],
      scope: ['openid', 'AdobeID'],
      orgId: undefined,
    });
  });

  it("aio's variables, with scopes, organisation and what is none of ours", () => {
    const context = 'AIO_ims_contexts_my__ctx';
    const variables = {
      [`${context}_client__id`]: 'id',
      [`${context}_client__secrets`]: `["${S1}", "${S2}"]`,
      [`${context}_technical__account__id`]: 't',
      [`${context}_ims__org__id`]: 'X@AdobeOrg',
      [`${context}_scopes`]: '["openid","AdobeID"]',
      [`${context}_meta__scopes`]: '["ent_x_sdk"]',
      OTHER: 'x',
    };
    const expected = { clientId: 'id', secrets: [S1, S2], scope: ['openid', 'AdobeID'], orgId: 'X@AdobeOrg' };
    expect(parse(variables)).toEqual(expected);
    const lines = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
    expect(parse(lines.join('\n'))).toEqual(expected);
    expect(parse(lines.join('\r\n'))).toEqual(expected);
    expect(parse({ [`${context}_client__id`]: 'id', [`${context}_client__secret`]: S1 }).secrets).toEqual([S1]);
  });

  it('one of several, where its fields are named', () => {
    const path = (index: number) => `project.workspace.details.credentials.${index}.oauth_server_to_server`;
    const two = download(
      { oauth_server_to_server: { client_id: 'other' } },
      { oauth_server_to_server: serverToServer },
    );
    const named = { clientId: `${path(1)}.client_id`, clientSecret: `${path(1)}.client_secrets` };
    expect(parse(two, named)).toMatchObject({ clientId: 'id', secrets: [S1] });
    const contexts = { AIO_ims_contexts_a_client__id: 'a', AIO_ims_contexts_b_client__id: 'b', s: S1 };
    expect(failure(contexts, { clientSecret: 's' }).message).toContain('2 ims contexts');
    expect(failure(contexts, { clientId: 's' }).message).toContain('2 ims contexts');
    const one = download({ oauth_server_to_server: serverToServer });
    expect(parse(one, { clientId: `${path(0)}.client_id` })).toMatchObject({ clientId: 'id', secrets: [S1] });
    expect(parse(contexts, { clientId: 'AIO_ims_contexts_b_client__id', clientSecret: 's' }).clientId).toBe('b');
    const jwt = { ...download({ jwt: {} }), id: 'id', s: S1 };
    expect(parse(jwt, { clientId: 'id', clientSecret: 's' }).clientId).toBe('id');
  });

  it('keeps a comma inside a single client secret', () => {
    expect(parse({ client_id: 'id', client_secret: 'a,b' }).secrets).toEqual(['a,b']);
    const mapped = { client_id: 'id', secrets_of_fusion: 'a,b' };
    expect(parse(mapped, { clientSecret: 'secrets_of_fusion' }).secrets).toEqual(['a,b']);
  });

  it('keeps the word export inside a value of a line', () => {
    expect(parse('CLIENT_ID=id\nCLIENT_SECRET="an export  of it"').secrets).toEqual(['an export  of it']);
  });

  it('takes nothing of one context where the fields of several are named', () => {
    const contexts = {
      AIO_ims_contexts_a_client__id: 'a',
      AIO_ims_contexts_a_scopes: 'openid',
      AIO_ims_contexts_b_client__id: 'b',
      s: S1,
    };
    const fields = { clientId: 'AIO_ims_contexts_b_client__id', clientSecret: 's' };
    expect(parse(contexts, fields)).toEqual({ clientId: 'b', secrets: [S1], scope: undefined, orgId: undefined });
  });

  it('scopes that are said twice, in two spellings', () => {
    const value = { client_id: 'id', client_secret: S1, scope: 'openid AdobeID', scopes: ['openid', 'AdobeID'] };
    expect(parse(value).scope).toEqual(['openid', 'AdobeID']);
  });

  it('a secret as long as its bound', () => {
    expect(parse({ client_id: 'id', client_secret: 'x'.repeat(4096) }).secrets[0]).toHaveLength(4096);
  });

  it('maps other names, dotted paths, and JSON inside a text', () => {
    expect(
      parse({ login: { user: 'id', pass: S1 } }, { clientId: 'login.user', clientSecret: 'login.pass' }).clientId,
    ).toBe('id');
    expect(parse({ 'a.b': 'id', s: S1 }, { clientId: 'a.b', clientSecret: 's' }).secrets).toEqual([S1]);
    const inner = JSON.stringify({ client_id: 'id', client_secret: S1 });
    expect(
      parse({ value: inner }, { clientId: 'value.client_id', clientSecret: 'value.client_secret' }).secrets,
    ).toEqual([S1]);
    expect(parse({ my_id: 'id', client_secret: S1 }, { clientId: 'my_id' }).clientId).toBe('id');
  });
});

describe('credential: refused', () => {
  it.each<[string, unknown, RegExp]>([
    ['nothing', '', /it is empty/],
    ['white space', ' \n ', /it is empty/],
    ['a bare secret', S1, /neither a JSON object nor NAME=value lines/],
    ['a bare secret that ends like a line', `${S1.replaceAll('-', '')}=`, /neither a JSON object/],
    ['broken JSON', `{"client_id": "id", "client_secret": "${S1}"`, /not valid JSON/],
    ['a list', [S1], /must be a JSON object; it is a list/],
    ['a number', 42, /must be a JSON object; it is a number/],
    ['a text', JSON.stringify(S1), /it is a string/],
    ['null', null, /it is null/],
    ['no id', { client_secret: S1 }, /it has no client_id$/],
    ['no secret', { client_id: 'id' }, /it has no client_secret$/],
    ['neither', {}, /it has no client_id and no client_secret/],
    ['an empty secret', { client_id: 'id', client_secret: ' ' }, /"client_secret" is empty/],
    ['a secret that is a number', { client_id: 'id', client_secret: 42 }, /must be a text; it is a number/],
    ['a secret that is an object', { client_id: 'id', client_secret: { a: S1 } }, /must be a text; it is an object/],
    ['null as the secret', { client_id: 'id', client_secret: null }, /no client_secret/],
    ['an empty list', { client_id: 'id', client_secrets: [] }, /empty list/],
    ['a list of numbers', { client_id: 'id', client_secrets: [1] }, /not a list of texts/],
    ['an id with a space', { client_id: 'my id', client_secret: S1 }, /white space/],
    ['an id beyond ASCII', { client_id: 'mÿid', client_secret: S1 }, /printable ASCII/],
    ['an id with a C1 control', { client_id: 'my\u009bid', client_secret: S1 }, /control characters/],
    ['C1 controls', { client_id: 'id', client_secret: `${S1}\u0085x` }, /control characters/],
    ['control characters', { client_id: 'id', client_secret: `${S1}\u0007x` }, /control characters/],
    ['a secret over its bound by one', { client_id: 'id', client_secret: 'x'.repeat(4097) }, /longer than 4096/],
    ['a list of YAML', `- client_id=id\n- client_secret=${S1}`, /neither a JSON object nor NAME=value lines/],
    ['one line that is none', `client_id=id\nclient secret ${S1}`, /neither a JSON object nor NAME=value lines/],
    [
      'several ids, one of them no text',
      { client_id: 5, clientId: 'id', client_secret: S1 },
      /"client_id" and "clientId" differ/,
    ],
    [
      'several ids, the other no text',
      { client_id: 'id', clientId: 5, client_secret: S1 },
      /"client_id" and "clientId" differ/,
    ],
    [
      'lists of secrets that agree in part',
      { client_id: 'id', client_secrets: [S1, S2], clientSecrets: [S1, 'x'] },
      /"client_secrets" and "clientSecrets" differ/,
    ],
    ['secrets that are an object', { client_id: 'id', client_secrets: { a: S1 } }, /it is an object/],
    ['a list as the id', { client_id: ['id'], client_secret: S1 }, /"client_id" must be a text; it is a list/],
    ['a pasted file', { client_id: 'id', client_secret: 'x'.repeat(5000) }, /longer than/],
    [
      'two different lists of scopes',
      { client_id: 'id', client_secret: S1, scope: 'openid', SCOPES: ['openid', 'AdobeID'] },
      /"scope" and "SCOPES" differ/,
    ],
    ['two different secrets', { client_id: 'id', client_secret: S1, client_secrets: [S2] }, /differ/],
    ['an organisation that is a number', { client_id: 'id', client_secret: S1, org_id: 7 }, /"org_id" must be a text/],
    [
      'a list that is an object',
      { client_id: 'id', client_secrets: { a: S1 } },
      /not a list of texts; it is an object/,
    ],
    [
      'two ids that are lists, deeper than JSON can be written',
      `{"client_id":${'['.repeat(9000)}${']'.repeat(9000)},"clientId":["x"],"client_secret":"${S1}"}`,
      /"client_id" and "clientId" differ/,
    ],
    ['two different ids', { client_id: 'a', CLIENT_ID: 'b', client_secret: S1 }, /"client_id" and "CLIENT_ID" differ/],
    [
      'two credentials in a download',
      download({ oauth_server_to_server: serverToServer }, { oauth_server_to_server: serverToServer }),
      /2 server-to-server/,
    ],
    ['a download without one', download({ jwt: {} }), /no OAuth server-to-server/],
    ['two aio contexts', { AIO_ims_contexts_a_client__id: 'x', AIO_ims_contexts_b_client__id: 'y' }, /2 ims contexts/],
    ['scopes that are a number', { client_id: 'id', client_secret: S1, scopes: 7 }, /not a list of scopes/],
  ])('%s', (_title, value, message) => {
    expect(failure(value).message).toMatch(message);
  });

  it('names the fields that are there, never what looks like a secret', () => {
    const rest = 'Rename them, or map them with the fields option.';
    expect(failure({ username: 'x', [S1.replaceAll('-', '1')]: 'y' }).hint).toBe(
      `It has the fields "username", 1 more. ${rest}`,
    );
    expect(failure({ a: 'x', b: 'y' }).hint).toBe(`It has the fields "a", "b". ${rest}`);
    expect(failure({}).hint).toBe(`It has no fields. ${rest}`);
    const many = Object.fromEntries([...'abcdefghijkl'].map((name) => [name, 'x']));
    expect(failure(many).hint).toMatch(/"j", 2 more\./);
  });

  it('says which of two fields to name', () => {
    expect(failure({ client_id: 'a', clientId: 'b', client_secret: S1 }).hint).toBe(
      'Say which one counts: fields: { clientId: client_id }.',
    );
  });

  it('says which mapped field is missing', () => {
    expect(failure({ client_id: 'id', client_secret: S1 }, { clientId: 'nope' }).message).toContain(
      'no field "nope" (named by fields.clientId)',
    );
    for (const login of [null, 5, 'text', '5']) {
      expect(failure({ login, client_secret: S1 }, { clientId: 'login.user' }).message).toContain('no field');
    }
    expect(failure({ login: null, client_secret: S1 }, { clientId: 'login' }).message).toContain('it is null');
  });

  it('does not reach into prototypes', () => {
    for (const path of ['constructor.name', 'toString', 'inner.__proto__', 'inner.toString']) {
      expect(failure({ client_id: 'id', inner: {} }, { clientSecret: path }).message).toContain('no field');
    }
    expect(failure('{"__proto__": {"client_id": "id", "client_secret": "x"}}').message).toContain('no client_id');
  });

  it('refuses 10 MB quickly', () => {
    const started = performance.now();
    failure('x'.repeat(10_000_000));
    failure(JSON.stringify({ padding: 'x'.repeat(10_000_000) }));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
