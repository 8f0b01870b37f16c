import { type Env, referencesIn } from './interpolate.js';
import { listGiven, listOptions, type SchemaNode } from './option-tree.js';
import { everyOption, ownVariables, variableName } from './overrides.js';
import { dotted, isObject, mapLeaves, type Path } from './tree.js';

/** What the built-in providers and their SDKs read by themselves. */
const WELL_KNOWN = [
  'FUSION_CLIENT_SECRET',
  'VAULT_TOKEN',
  'BAO_TOKEN',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AZURE_CLIENT_SECRET',
  'AZURE_CLIENT_CERTIFICATE_PASSWORD',
  'AZURE_PASSWORD',
  'IDENTITY_HEADER',
  'MSI_SECRET',
] as const;

/**
 * The variables that hold, or may hold, secrets of a profile and logins of its stores: nothing for a child to see.
 * @param named from {@link namedSecrets}
 * @param profiles this and the config's other profiles, as they stand there
 */
export function secretVariables(named: readonly string[], profiles: readonly unknown[], schema: SchemaNode): string[] {
  return [...new Set([...named, ...profiles.flatMap((profile) => referred(profile, schema))])];
}

/** Those of them whose names alone tell: well-known ones, the provider env's, and `IMSVAULT_…` of options that are secrets. */
export function namedSecrets(profiles: readonly unknown[], schema: SchemaNode, env: Env): string[] {
  return [...WELL_KNOWN, ...profiles.flatMap(namedForEnv), ...ofOptions(schema, env)];
}

/**
 * Where an option that is no secret takes its value from a variable that holds one: messages and `config show` print
 * such options. Of a third party's nobody knows which are secrets.
 * @param tree a profile or an `agent` part as it stands in the config
 * @param names of the variables
 */
export function findSecretReferences(
  tree: unknown,
  schema: SchemaNode,
  names: readonly string[],
): { path: Path; message: string }[] {
  const found: { path: Path; name: string }[] = [];
  mapLeaves(tree, (value, path) => {
    const name = typeof value === 'string' ? referencesIn(value).names.find((one) => names.includes(one)) : undefined;
    if (name !== undefined) found.push({ path, name });
    return value;
  });
  if (found.length === 0) return [];
  const known = new Map(listGiven(schema, tree).map(({ path, node }) => [dotted(path), node]));
  return found.flatMap(({ path, name }) => {
    const node = optionAt(known, path);
    if (node === undefined || node.writeOnly === true) return [];
    const message = `must not refer to ${name}, which holds a secret: this option is shown in messages. Write the value, or use a variable that holds no secret`;
    return [{ path, message }];
  });
}

/** A list stands under the key before its index. */
const optionAt = (known: ReadonlyMap<string, SchemaNode>, path: Path): SchemaNode | undefined =>
  known.get(dotted(path)) ?? known.get(dotted(path.slice(0, -1)));

/** `${NAME}` in options that are secrets, and in those of a third party, of which nothing is known. */
function referred(raw: unknown, schema: SchemaNode): string[] {
  const known = new Map(listOptions(schema, raw).map(({ path, node }) => [dotted(path), node]));
  const names: string[] = [];
  mapLeaves(raw, (value, path) => {
    const node = optionAt(known, path);
    if (typeof value === 'string' && (node === undefined || node.writeOnly === true)) {
      names.push(...referencesIn(value).names);
    }
    return value;
  });
  return names;
}

/** The provider `env` takes the name of the variable that holds the client secret. */
function namedForEnv(tree: unknown): string[] {
  const block = isObject(tree) ? tree.credentials : undefined;
  if (!isObject(block)) return [];
  const links: unknown[] = Array.isArray(block.providers) ? block.providers : [block];
  return links.flatMap((link) =>
    isObject(link) && link.provider === 'env' && typeof link.clientSecret === 'string' ? [link.clientSecret] : [],
  );
}

/** `IMSVAULT_…` variables of options that are secrets, whether they have an effect or not. */
function ofOptions(schema: SchemaNode, env: Env): string[] {
  const given = ownVariables(env);
  if (given.length === 0) return [];
  const secrets = new Set(
    everyOption(schema)
      .filter(({ node }) => node.writeOnly === true)
      .map(({ path }) => variableName(path)),
  );
  return given.filter((name) => secrets.has(name.replace(/_PROVIDERS_\d+_/, '_')));
}
