import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { optionSchemas } from '../../providers/option-schemas.js';
import { builtInProviders } from '../../providers/registry.js';
import { configJsonSchema } from '../../src/config/json-schema.js';
import type { SchemaNode } from '../../src/config/option-tree.js';

/** zod's reader knows no "not"; a pattern says the same. */
const withoutNot = () =>
  JSON.parse(JSON.stringify(configJsonSchema()), (_key, node) =>
    node?.not === undefined ? node : { type: 'string', pattern: `^(?!(${node.not.enum.join('|')})$)` },
  );
const accepts = (text: string) =>
  z.fromJSONSchema(withoutNot() as z.core.JSONSchema.JSONSchema).safeParse(parse(text)).success;

describe('the JSON Schema of a config', () => {
  it('says what it is: one profile, or several by name', () => {
    const { $defs, ...head } = configJsonSchema();
    const part = (name: string, description = expect.stringMatching(/\.$/)) => ({
      [name]: { $ref: `#/$defs/${name}`, description },
    });
    const common = {
      $schema: { type: 'string', description: 'This schema, for editors.' },
      ...part('agent', 'What `imsvault serve` does with the profiles.'),
    };
    const names = ['ims', 'credentials', 'tokenStore', 'renewal', 'rotation', 'cache'];
    const parts = Object.assign({}, ...names.map((name) => part(name)));
    const object = { type: 'object', additionalProperties: false };
    expect(head).toEqual({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: 'urn:imsvault:config',
      title: 'imsvault config',
      description: 'One profile at the top, or several under "profiles".',
      anyOf: [
        { ...object, title: 'One profile', properties: { ...common, ...parts } },
        {
          ...object,
          title: 'Several profiles',
          properties: {
            ...common,
            profiles: {
              type: 'object',
              minProperties: 1,
              additionalProperties: { $ref: '#/$defs/profile' },
              description: 'Profiles by name; --profile or IMSVAULT_PROFILE chooses one.',
            },
            defaultProfile: { type: 'string', description: 'The profile to use where none is chosen.' },
          },
          required: ['profiles'],
        },
      ],
    });
    const { profile, agent, ...defined } = $defs as Record<string, unknown>;
    expect(profile).toEqual({ ...object, title: 'A profile', properties: parts });
    expect(agent).toMatchObject({ type: 'object', properties: { sinks: { type: 'array' } } });
    expect(Object.keys(defined)).toEqual(names);
  });

  it('lets a value be a ${…}, and keeps what editors show of it', () => {
    const { ims, credentials } = configJsonSchema().$defs as Record<string, SchemaNode>;
    const reference = { type: 'string', pattern: '\\$\\{|\\{identity\\}' };
    expect(ims?.properties?.allowSecretsOverPlainHttp).toEqual({
      description: expect.any(String),
      default: false,
      anyOf: [{ type: 'boolean' }, reference],
    });
    // A text without rules may be one as it is.
    expect(ims?.properties?.tokenEndpoint).toEqual({
      description: expect.any(String),
      default: expect.any(String),
      type: 'string',
    });
    const [vault] = (credentials?.oneOf ?? []).filter((block) => block.title === 'vault');
    expect(vault?.properties?.provider).toEqual({ const: 'vault', type: 'string' });
    const [token] = (vault?.properties?.auth?.oneOf ?? []).filter(
      (method) => method.properties?.method?.const === 'token',
    );
    expect(token?.properties?.token).toEqual({
      description: expect.any(String),
      writeOnly: true,
      anyOf: [{ type: 'string', minLength: 1 }, reference],
    });
  });

  it("has each store's options, those of a third party, and a chain of both", async () => {
    // A copy of the module: the schema is made once for a process.
    const fresh = '../../src/config/json-schema.ts?copy';
    const { profileSchema, PROVIDER_NAMES }: typeof import('../../src/config/json-schema.js') = await import(fresh);
    const { credentials, tokenStore } = profileSchema().properties ?? {};
    const titles = (node: SchemaNode | undefined) => node?.oneOf?.map((block) => block.title);
    const stores = [...PROVIDER_NAMES].filter((name) => name !== 'chain');
    expect(titles(credentials)).toEqual([...stores, 'chain', undefined]);
    expect(titles(tokenStore)).toEqual([...stores.filter((name) => name !== 'env'), undefined]);
    const chain = credentials?.oneOf?.find((block) => block.title === 'chain');
    expect(chain).toMatchObject({ type: 'object', required: ['provider', 'providers'], additionalProperties: false });
    expect(chain?.properties?.provider).toEqual({ const: 'chain', type: 'string' });
    expect(chain?.properties?.providers).toMatchObject({ type: 'array', minItems: 1 });
    expect(titles(chain?.properties?.providers?.items)).toEqual([...stores, undefined]);
    const foreign = credentials?.oneOf?.at(-1);
    expect(foreign).toMatchObject({ type: 'object', additionalProperties: true, required: ['provider'] });
    expect(foreign?.description).toContain("A third party's provider");
    expect(foreign?.properties?.provider).toEqual({
      type: 'string',
      not: { enum: [...PROVIDER_NAMES] },
      description: expect.stringContaining('npm module'),
    });
    for (const block of credentials?.oneOf ?? []) expect(block.description).toMatch(/\.$/);
    for (const part of [credentials, tokenStore]) expect(part?.description).toMatch(/\.$/);
    const required = (node: SchemaNode | undefined) =>
      Object.fromEntries(node?.oneOf?.map(({ title, required }) => [title, required]) ?? []);
    expect(required(credentials)).toMatchObject({ vault: ['provider', 'path'], env: ['provider'] });
    // `credentials` may say it for the token store.
    expect([required(credentials)['azure-key-vault'], required(tokenStore)['azure-key-vault']]).toEqual([
      ['provider', 'vaultUrl'],
      ['provider'],
    ]);
  });

  it.each([
    '{}',
    '{ $schema: x, ims: { scope: [openid, AdobeID] } }',
    '{ ims: { timeout: 5s, retry: { maxAttempts: "${N}" } }, renewal: { softFractionMin: "${F}" } }',
    '{ credentials: { provider: env, dotenv: ./.env } }',
    '{ credentials: { provider: vault, path: ims/fusion, auth: { method: approle, roleId: a, secretIdFile: /f } } }',
    '{ credentials: { provider: vault, path: "${P}", kvVersion: "${K}", auth: { method: token, token: "${T}" } } }',
    '{ credentials: { provider: aws-secrets-manager, secretId: a, region: "${AWS_REGION}" } }',
    '{ credentials: { provider: azure-key-vault, vaultUrl: "https://a.vault.azure.net", secretName: a } }',
    '{ credentials: { provider: chain, providers: [{ provider: env }, { provider: "@acme/x", anything: [1] }] } }',
    '{ credentials: { provider: ./my.mjs, anything: 1, timeout: 5s } }',
    '{ tokenStore: { provider: vault, path: a, create: false, onMismatch: replace } }',
    '{ defaultProfile: a, profiles: { a: { credentials: { provider: env } } } }',
  ])('accepts %s', (text) => {
    expect(accepts(text)).toBe(true);
  });

  it.each([
    '[]',
    '{ imss: {} }',
    '{ ims: { tokenEndpont: x } }',
    '{ ims: { retry: { maxAttempts: four } } }',
    '{ credentials: {} }',
    '{ credentials: { provider: vault } }',
    '{ credentials: { provider: vault, path: a, nope: 1 } }',
    '{ credentials: { provider: vault, path: a, auth: { method: nope } } }',
    '{ credentials: { provider: chain, providers: [] } }',
    '{ credentials: { provider: chain, providers: [{ provider: vault }] } }',
    '{ tokenStore: { provider: env } }',
    '{ tokenStore: { provider: vault, path: a, onMismatch: x } }',
    '{ tokenStore: { provider: vault, path: a, version: 1 } }',
    '{ profiles: { a: { nope: 1 } } }',
    '{ profiles: { a: {} }, ims: {} }',
  ])('refuses %s', (text) => {
    expect(accepts(text)).toBe(false);
  });

  it('knows the providers of the registry, and no others', () => {
    expect(Object.keys(optionSchemas).sort()).toEqual(Object.keys(builtInProviders).sort());
  });

  it('describes every option', () => {
    const bare: string[] = [];
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        if (key === 'properties') {
          for (const [name, child] of Object.entries(
            value as Record<string, { description?: string; const?: unknown }>,
          )) {
            if (child.description === undefined && child.const === undefined) bare.push(`${path}.${name}`);
          }
        }
        walk(value, `${path}.${key}`);
      }
    };
    walk(configJsonSchema(), '');
    expect(bare).toEqual([]);
  });
});
