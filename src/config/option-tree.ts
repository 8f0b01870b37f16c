import { dotted, getAt, isObject, type Path, setAt } from './tree.js';

/** The part of JSON Schema that zod writes for options. */
export interface SchemaNode {
  type?: string | string[];
  properties?: Record<string, SchemaNode>;
  required?: string[];
  additionalProperties?: boolean | SchemaNode;
  oneOf?: SchemaNode[];
  anyOf?: SchemaNode[];
  items?: SchemaNode;
  const?: unknown;
  enum?: unknown[];
  not?: SchemaNode;
  title?: string;
  description?: string;
  default?: unknown;
  /** The value is a secret. */
  writeOnly?: boolean;
  [keyword: string]: unknown;
}

export interface Option {
  path: Path;
  node: SchemaNode;
}

/** The alternatives that fit what is there already; a discriminator (`provider`, `method`) that is absent excludes none. */
function alternatives(node: SchemaNode, value: unknown): SchemaNode[] {
  if (node.oneOf === undefined) return [node];
  return node.oneOf.filter((branch) =>
    Object.entries(branch.properties ?? {}).every(([key, property]) => {
      const given = isObject(value) ? value[key] : undefined;
      if (given === undefined || !isDiscriminator(property)) return true;
      return property.const === undefined ? !property.not?.enum?.includes(given) : property.const === given;
    }),
  );
}

/** Whether this option decides which others there are. */
export function isDiscriminator(node: SchemaNode): boolean {
  return node.const !== undefined || node.not !== undefined;
}

function isGroup(node: SchemaNode): boolean {
  return node.properties !== undefined || node.oneOf !== undefined;
}

/** Every option that `tree` can have, with those that it has deciding between alternatives. Lists: as long as they are. */
export function listOptions(node: SchemaNode, tree: unknown): Option[] {
  return list(node, tree, [], () => true);
}

/** Every option that `tree` has: a fraction of those that it can have. */
export function listGiven(node: SchemaNode, tree: unknown): Option[] {
  return list(node, tree, [], (value) => value !== undefined);
}

type IsWanted = (value: unknown) => boolean;

function list(node: SchemaNode, tree: unknown, path: Path, isWanted: IsWanted): Option[] {
  const found = new Map<string, Option>();
  for (const branch of alternatives(node, tree)) {
    for (const [key, child] of Object.entries(branch.properties ?? {})) {
      const value = isObject(tree) ? tree[key] : undefined;
      if (!isWanted(value)) continue;
      for (const option of listBelow(child, value, [...path, key], isWanted)) {
        const known = found.get(dotted(option.path));
        if (known === undefined || option.node.writeOnly === true) found.set(dotted(option.path), option);
      }
    }
  }
  return [...found.values()];
}

function listBelow(node: SchemaNode, value: unknown, path: Path, isWanted: IsWanted): Option[] {
  const { items } = node;
  if (items !== undefined && isGroup(items)) {
    return Array.isArray(value) ? value.flatMap((item, index) => list(items, item, [...path, index], isWanted)) : [];
  }
  return isGroup(node) ? list(node, value, path, isWanted) : [{ path, node }];
}

/** The keys that an object of `tree` may have. */
export function keysAt(node: SchemaNode, tree: unknown, path: Path): string[] {
  const branches = alternatives(node, tree);
  const [key, ...rest] = path;
  if (key === undefined) return [...new Set(branches.flatMap((branch) => Object.keys(branch.properties ?? {})))];
  const below = Array.isArray(tree) ? tree[Number(key)] : isObject(tree) ? tree[key] : undefined;
  return branches.flatMap((branch) => {
    const child = typeof key === 'number' ? branch.items : branch.properties?.[key];
    return child === undefined ? [] : keysAt(child, below, rest);
  });
}

/** JSON types that an option takes: `string`, `number`, `boolean`, `array`. */
export function typesOf(node: SchemaNode): Set<string> {
  const own = node.type ?? (node.const === undefined ? [] : typeof node.const);
  const below = [...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap((branch) => [...typesOf(branch)]);
  return new Set([own, below].flat().map((type) => (type === 'integer' ? 'number' : type)));
}

/** A text from the environment, a flag or `${…}` as the type that its option has; unchanged where it is none. */
export function coerce(text: string, node: SchemaNode): unknown {
  const types = typesOf(node);
  if (types.has('string')) return text;
  if (types.has('number') && /^-?\d{1,15}(\.\d{1,15})?$/.test(text.trim())) return Number(text);
  if (types.has('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

/** What `${…}` gave is a text; its option may be a number. */
export function coerceReferences(tree: unknown, schema: SchemaNode, isReference: (path: Path) => boolean): unknown {
  return listGiven(schema, tree).reduce((result, { path, node }) => {
    const value = getAt(tree, path);
    return typeof value === 'string' && isReference(path) ? setAt(result, path, coerce(value, node)) : result;
  }, tree);
}
