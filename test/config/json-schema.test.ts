import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { optionSchemas } from '../../providers/option-schemas.js';
import { builtInProviders } from '../../providers/registry.js';
import { configJsonSchema } from '../../src/config/json-schema.js';

/** zod's reader knows no "not"; a pattern says the same. */
const withoutNot = JSON.parse(JSON.stringify(configJsonSchema()), (_key, node) =>
  node?.not === undefined ? node : { type: 'string', pattern: `^(?!(${node.not.enum.join('|')})$)` },
);
const schema = z.fromJSONSchema(withoutNot as z.core.JSONSchema.JSONSchema);
const accepts = (text: string) => schema.safeParse(parse(text)).success;

describe('the JSON Schema of a config', () => {
  it('says what it is', () => {
    expect(configJsonSchema()).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: 'urn:imsvault:config',
      title: 'imsvault config',
    });
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
