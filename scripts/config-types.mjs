// The TypeScript types of a config object, so that the published declarations need no zod.
import { compile } from 'json-schema-to-typescript';

const BANNER = `// Made by scripts/generate.mjs from the options' zod types. Do not edit.
import type { Redacted } from '../redacted.js';
`;

/** Scoped, a path, or named after imsvault: any other string would hide a misspelt built-in name from the compiler. */
const MODULE_NAME = '`${string}/${string}` | `imsvault-${string}`';

export async function configTypes(profile, agentSchema) {
  const types = named(profile);
  const agent = { ...agentSchema, title: 'AgentOptions' };
  const text = await compile(
    {
      description: 'A config: one profile at the top, or several under `profiles`.',
      oneOf: [
        { ...types, title: 'ImsvaultOneProfile', properties: { ...types.properties, agent } },
        {
          title: 'ImsvaultProfiles',
          type: 'object',
          properties: {
            profiles: {
              type: 'object',
              additionalProperties: types,
              description: 'Profiles by name; `profile`, `--profile` or `IMSVAULT_PROFILE` chooses one.',
            },
            agent,
            defaultProfile: { type: 'string', description: 'The profile to use where none is chosen.' },
          },
          required: ['profiles'],
          additionalProperties: false,
        },
      ],
    },
    'ImsvaultConfig',
    { bannerComment: BANNER, style: { singleQuote: true, printWidth: 120 }, additionalProperties: false },
  );
  return text;
}

function named(profile) {
  const { ims, renewal, rotation, credentials, tokenStore, cache } = profile.properties;
  const memo = new Map();
  const adapt = (node, title) => {
    // The same object again gives the same interface again.
    if (memo.has(node)) return memo.get(node);
    const copy = { ...node };
    memo.set(node, copy);
    if (title === undefined) delete copy.title;
    else copy.title = title;
    delete copy.default;
    if (node.writeOnly) copy.tsType = 'string | Redacted<string>';
    if (node.not) copy.tsType = MODULE_NAME;
    if (node.not) delete copy.not;
    if (node.oneOf) copy.oneOf = node.oneOf.map((branch) => adapt(branch));
    if (node.anyOf) copy.anyOf = node.anyOf.map((branch) => adapt(branch));
    if (node.items) copy.items = adapt(node.items);
    // At least one, which TypeScript would take for a tuple.
    delete copy.minItems;
    if (node.properties) {
      copy.properties = Object.fromEntries(Object.entries(node.properties).map(([key, value]) => [key, adapt(value)]));
    }
    return copy;
  };
  const blocks = (node, suffix) => {
    // The chain last: its links are the blocks before it, and keep the names that those get.
    const inOrder = [...node.oneOf].sort((a, b) => Number(a.title === 'chain') - Number(b.title === 'chain'));
    for (const branch of inOrder) adapt(branch, `${pascal(branch.title ?? 'module')}${suffix}`);
    return adapt(node, suffix);
  };
  return {
    title: 'ImsvaultProfile',
    type: 'object',
    description: 'One profile.',
    properties: {
      ims: adapt(ims, 'ImsOptions'),
      credentials: blocks(credentials, 'Credentials'),
      tokenStore: blocks(tokenStore, 'TokenStore'),
      renewal: adapt(renewal, 'RenewalOptions'),
      rotation: adapt(rotation, 'RotationOptions'),
      cache: adapt(cache),
    },
    additionalProperties: false,
  };
}

const pascal = (name) => name.replace(/(^|-)([a-z])/g, (_match, _dash, letter) => letter.toUpperCase());
