import type { ConfigProblem } from '../errors.js';
import { referencesIn } from './interpolate.js';
import { listGiven, type SchemaNode } from './option-tree.js';
import { dotted, getAt, isObject, mapLeaves, type Path } from './tree.js';

export const CLIENT_SECRET_REFUSAL =
  'a client secret has no place in the config: config files are committed, copied and backed up. Put it into the store that credentials names, or into the environment variable FUSION_CLIENT_SECRET (provider env)';

const LITERAL_CLIENT_SECRET =
  'a client secret must not stand in the config file, which is committed, copied and backed up. Write ${VARIABLE} without a default, or name a file by the …File option';

const LITERAL_LOGIN =
  'holds a secret in the config file, which is committed, copied and backed up; better write ${VARIABLE}, or name a file by the …File option';

export const NOT_A_NAME =
  'this looks like a secret, which has no place here; write the name of the variable or field that holds it';

/** `client_secret`, `clientSecrets`, `FUSION_CLIENT_SECRET`, … */
export function isClientSecretKey(key: string): boolean {
  return /(clientsecrets?|^password|^passwd)$/.test(key.toLowerCase().replace(/[^a-z]/g, ''));
}

/** Whether any part of a text is written out rather than taken from a variable. */
function isLiteral(text: string): boolean {
  const { any, withDefault } = referencesIn(text);
  return !any || withDefault;
}

/** Some options take the name of what holds the secret. Long, mixed and without a separator is no name that people give. */
function couldBeName(text: string, { pattern }: SchemaNode): boolean {
  if (typeof pattern === 'string' && !new RegExp(pattern).test(text)) return false;
  return !/^(?=.*\d)(?=.*[a-z])[A-Za-z0-9]{20,}$/.test(text);
}

export interface SecretFindings {
  problems: ConfigProblem[];
  /** What is bad but not refused. */
  warnings: string[];
}

/**
 * Secrets written out in the text of a profile: client secrets are refused, logins of stores warned of.
 * @param profile as it stands in the file, before interpolation
 * @param sourceOf tells where a path stands
 */
export function findLiteralSecrets(
  profile: unknown,
  schema: SchemaNode,
  sourceOf: (path: Path) => string | undefined,
): SecretFindings {
  const found: SecretFindings = { problems: [], warnings: [] };
  const refuse = (path: Path, message: string) => {
    const source = sourceOf(path);
    found.problems.push({ path: dotted(path), message, ...(source === undefined ? {} : { source }) });
  };
  const known = new Set<string>();
  for (const { path, node } of listGiven(schema, profile)) {
    known.add(dotted(path));
    const value = getAt(profile, path);
    if (typeof value !== 'string') continue;
    const key = String(path.at(-1));
    if (node.writeOnly === true) {
      if (!isLiteral(value)) continue;
      if (isClientSecretKey(key)) refuse(path, LITERAL_CLIENT_SECRET);
      else found.warnings.push(`${dotted(path)} ${LITERAL_LOGIN}${at(sourceOf(path))}`);
    }
  }
  for (const path of findSecretsForNames(profile, schema)) refuse(path, NOT_A_NAME);
  mapLeaves(profile, (value, path) => {
    // A list of secrets stands under the key before its index.
    const own = typeof path.at(-1) === 'number' ? path.slice(0, -1) : path;
    if (value === null || known.has(dotted(own)) || !isClientSecretKey(String(own.at(-1)))) return value;
    if (isOpaque(profile, own) && (typeof value !== 'string' || !isLiteral(value))) return value;
    if (!found.problems.some((problem) => problem.path === dotted(own))) refuse(own, CLIENT_SECRET_REFUSAL);
    return value;
  });
  return found;
}

/** Options that name what holds a client secret, and hold what looks like the secret itself: messages print names. */
export function findSecretsForNames(profile: unknown, schema: SchemaNode): Path[] {
  return listGiven(schema, profile)
    .filter(({ path, node }) => {
      const value = getAt(profile, path);
      if (typeof value !== 'string' || node.writeOnly === true || !isClientSecretKey(String(path.at(-1)))) return false;
      return !referencesIn(value).any && !couldBeName(value, node);
    })
    .map(({ path }) => path);
}

const at = (source: string | undefined) => (source === undefined ? '' : ` (${source})`);

/** Inside a third party's block, whose own schema says what belongs there. */
function isOpaque(profile: unknown, path: Path): boolean {
  const block = getAt(profile, path.slice(0, path[1] === 'providers' ? 3 : 1));
  const provider = isObject(block) ? block.provider : undefined;
  return typeof provider === 'string' && /[/.]|imsvault/.test(provider);
}
