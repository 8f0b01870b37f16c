import * as z from 'zod';
import { optionSchemas } from '../../providers/option-schemas.js';
import { agentOptions } from './agent-schema.js';
import type { SchemaNode } from './option-tree.js';
import { rotationOptions } from './rotation-schema.js';
import { cacheOption, imsOptions, renewalOptions } from './schema.js';
import { blockOptions, READ_ONLY_OPTIONS, READ_ONLY_PROVIDERS, tokenStoreOptions } from './store-schema.js';

const SCHEMA_ID = 'urn:imsvault:config';

/** Names that the config knows without a module. */
export const PROVIDER_NAMES: readonly string[] = [...Object.keys(optionSchemas), 'chain'];

const PROVIDERS: Readonly<Record<string, string>> = {
  'aws-secrets-manager': 'AWS Secrets Manager.',
  vault: 'HashiCorp Vault or OpenBao.',
  'azure-key-vault': 'Azure Key Vault.',
  env: 'Environment variables.',
  file: 'A file of this machine.',
};

let profile: SchemaNode | undefined;

/** One profile's options as JSON Schema, made from the zod types once. */
export function profileSchema(): SchemaNode {
  profile ??= buildProfile();
  return profile;
}

let agent: SchemaNode | undefined;

/** The options of `agent` as JSON Schema. */
export function agentSchema(): SchemaNode {
  agent ??= toNode(agentOptions);
  return agent;
}

/** Required of a store, but `credentials` of the same provider may say it for the token store. */
const INHERITED = ['vaultUrl'];

function buildProfile(): SchemaNode {
  const builtIn = (
    common: z.ZodType,
    except: readonly string[] = [],
    exceptOptions: typeof READ_ONLY_OPTIONS = {},
    optional: readonly string[] = [],
  ) =>
    Object.entries(optionSchemas)
      .filter(([name]) => !except.includes(name))
      .map(([name, schema]) => {
        const own = toNode(schema);
        const required = own.required?.filter((key) => !optional.includes(key)) ?? [];
        const left = Object.entries(own.properties ?? {}).filter(
          ([option]) => exceptOptions[name]?.[option] === undefined,
        );
        const properties = Object.fromEntries(left);
        return block(
          { const: name, type: 'string' },
          { ...own, properties, required },
          toNode(common),
          PROVIDERS[name],
        );
      });
  const thirdParty = (common: z.ZodType) =>
    block(
      {
        type: 'string',
        not: { enum: [...PROVIDER_NAMES] },
        description: "Name of an npm module, or a path to a module relative to the config file: './my-provider.mjs'.",
      },
      { type: 'object', properties: {}, additionalProperties: true },
      toNode(common),
      "A third party's provider. Only in a config named by --config or IMSVAULT_CONFIG.",
    );
  const links = [...builtIn(blockOptions), thirdParty(blockOptions)];
  const chain: SchemaNode = {
    title: 'chain',
    description: 'Several providers; the next one is asked only past "not found" and "not configured".',
    type: 'object',
    properties: {
      provider: { const: 'chain', type: 'string' },
      providers: { type: 'array', minItems: 1, items: { oneOf: links }, description: 'The providers, in their order.' },
    },
    required: ['provider', 'providers'],
    additionalProperties: false,
  };
  return {
    type: 'object',
    properties: {
      ims: toNode(imsOptions),
      credentials: {
        description: 'Where the client id and the client secret are. Default { provider: env }.',
        oneOf: [...links.slice(0, -1), chain, ...links.slice(-1)],
      },
      tokenStore: {
        description: 'Where the token is written, and shared between processes and machines.',
        oneOf: [
          ...builtIn(tokenStoreOptions, READ_ONLY_PROVIDERS, READ_ONLY_OPTIONS, INHERITED),
          thirdParty(tokenStoreOptions),
        ],
      },
      renewal: toNode(renewalOptions),
      rotation: toNode(rotationOptions),
      cache: toNode(cacheOption),
    },
    additionalProperties: false,
  };
}

/** A provider's own options with those that every block takes. */
function block(provider: SchemaNode, own: SchemaNode, common: SchemaNode, description = ''): SchemaNode {
  return {
    ...own,
    ...(provider.const === undefined ? {} : { title: String(provider.const) }),
    description,
    properties: { provider, ...own.properties, ...common.properties },
    required: ['provider', ...(own.required ?? [])],
  };
}

function toNode(schema: z.ZodType): SchemaNode {
  const node = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    // A secret may also come from code as a Redacted object; in a file it is a text.
    override: ({ jsonSchema }) => {
      if (jsonSchema.writeOnly !== true) return;
      delete jsonSchema.anyOf;
      jsonSchema.type = 'string';
      jsonSchema.minLength = 1;
    },
  }) as SchemaNode;
  const { $schema: _, ...rest } = node;
  return rest;
}

/** The JSON Schema (draft 2020-12) of a config file, so that editors complete and check it. */
export function configJsonSchema(): SchemaNode {
  const ownSchema = { type: 'string', description: 'This schema, for editors.' };
  const agentPart = { $ref: '#/$defs/agent', description: 'What `imsvault serve` does with the profiles.' };
  const parts = allowReferences(profileSchema()).properties ?? {};
  const refs = Object.keys(parts).map((key) => [key, { $ref: `#/$defs/${key}`, description: parts[key]?.description }]);
  const profileNode = { type: 'object', properties: Object.fromEntries(refs), additionalProperties: false };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: SCHEMA_ID,
    title: 'imsvault config',
    description: 'One profile at the top, or several under "profiles".',
    anyOf: [
      {
        ...profileNode,
        title: 'One profile',
        properties: { $schema: ownSchema, agent: agentPart, ...profileNode.properties },
      },
      {
        title: 'Several profiles',
        type: 'object',
        properties: {
          $schema: ownSchema,
          agent: agentPart,
          profiles: {
            type: 'object',
            minProperties: 1,
            additionalProperties: { $ref: '#/$defs/profile' },
            description: 'Profiles by name; --profile or IMSVAULT_PROFILE chooses one.',
          },
          defaultProfile: { type: 'string', description: 'The profile to use where none is chosen.' },
        },
        required: ['profiles'],
        additionalProperties: false,
      },
    ],
    $defs: { profile: { ...profileNode, title: 'A profile' }, agent: allowReferences(agentSchema()), ...parts },
  };
}

/** Any value may be written as `${VARIABLE}` or with `{identity}`, whatever its option's type; what decides between alternatives excepted. */
function allowReferences(node: SchemaNode): SchemaNode {
  if (node.oneOf !== undefined) return { ...node, oneOf: node.oneOf.map(allowReferences) };
  if (node.properties !== undefined) {
    const entries = Object.entries(node.properties).map(([key, child]) => [key, allowReferences(child)]);
    return { ...node, properties: Object.fromEntries(entries) };
  }
  if (node.items !== undefined) return { ...node, items: allowReferences(node.items) };
  if (node.const !== undefined || node.not !== undefined) return node;
  const { description, default: standard, writeOnly, ...rules } = node;
  if (Object.keys(rules).length === 1 && [rules.type].flat().includes('string')) return node;
  return {
    ...(description === undefined ? {} : { description }),
    ...(standard === undefined ? {} : { default: standard }),
    ...(writeOnly === undefined ? {} : { writeOnly }),
    anyOf: [rules, { type: 'string', pattern: '\\$\\{|\\{identity\\}' }],
  };
}
