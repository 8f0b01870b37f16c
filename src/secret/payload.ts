import { parseEnv } from 'node:util';
import type { ImsvaultError } from '../errors.js';
import { isJsonObject, type JsonObject, parseJson } from '../json.js';

/** The fields of a secret, wherever its format hides them. */
export interface SecretFields {
  /** A field by its name or by a dotted path; a JSON text on the way is opened. */
  at(path: string): unknown;
  /** The names at the level where credentials are looked for. */
  readonly names: readonly string[];
}

type Fail = (message: string, hint?: string) => ImsvaultError;

const SEVERAL_HINT = 'Store only the one to use, or name its fields: fields: { clientId: …, clientSecret: … }.';
const SHAPE_HINT = 'Store a JSON object such as {"client_id": "…", "client_secret": "…"}.';

/**
 * @param mapped whether the caller names its fields from the top: then it may hold several credentials
 * @throws what `fail` makes, when `text` is neither a JSON object nor `NAME=value` lines
 */
export function parsePayload(text: string, mapped: boolean, fail: Fail): SecretFields {
  // A byte order mark counts as white space.
  const trimmed = text.trim();
  if (trimmed === '') throw fail('it is empty', SHAPE_HINT);
  const document = parseObject(trimmed, fail);
  const fields = credentialLevel(document, mapped, fail);
  return {
    at: (path) => lookUp(fields, path) ?? lookUp(document, path),
    names: Object.keys(fields),
  };
}

function parseObject(text: string, fail: Fail): JsonObject {
  const value = parseJson(text);
  if (value === undefined) {
    const lines = parseLines(text);
    if (lines !== undefined) return lines;
    throw fail(
      text.startsWith('{') ? 'it is not valid JSON' : 'it is neither a JSON object nor NAME=value lines',
      SHAPE_HINT,
    );
  }
  if (!isJsonObject(value)) throw fail(`it must be a JSON object; it is ${kindOf(value)}`, SHAPE_HINT);
  return value;
}

/** At least two lines that all look like variables: a base64 secret may end in "=" too. */
function parseLines(text: string): JsonObject | undefined {
  const lines = text
    .split('\n')
    .map((line) => line.trim().replace(/^export\s+/, ''))
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length < 2 || !lines.every((line) => /^[A-Za-z_]\w*\s*=/.test(line))) return undefined;
  // Without the indented comments and the wide "export  " that Node's own parser takes for a part of the name.
  return parseEnv(lines.join('\n')) as JsonObject;
}

/** Adobe's console download and aio's variables keep the credential deeper; its level is where the names are read. */
function credentialLevel(document: JsonObject, mapped: boolean, fail: Fail): JsonObject {
  const downloaded = lookUp(document, 'project.workspace.details.credentials');
  if (Array.isArray(downloaded)) {
    const found = downloaded
      .map((entry) => (isJsonObject(entry) ? entry.oauth_server_to_server : undefined))
      .filter(isJsonObject);
    const [only] = found;
    if (only !== undefined && found.length === 1) return only;
    if (mapped) return document;
    if (only === undefined) throw fail('its workspace has no OAuth server-to-server credential');
    throw fail(`it holds ${found.length} server-to-server credentials`, SEVERAL_HINT);
  }
  const contexts = aioContexts(document);
  if (contexts.length > 1 && !mapped) throw fail(`it holds ${contexts.length} ims contexts`, SEVERAL_HINT);
  return contexts.length > 1 ? document : (contexts[0] ?? document);
}

/** `AIO_ims_contexts_<name>_client__id`: aio writes a nested key as one name, with "_" doubled inside a part. */
function aioContexts(document: JsonObject): JsonObject[] {
  const contexts = new Map<string, Record<string, unknown>>();
  for (const [name, value] of Object.entries(document)) {
    const match = /^AIO_ims_contexts_(.*[^_])_(client__id|client__secrets?|scopes|ims__org__id)$/i.exec(name);
    if (match === null) continue;
    const context = contexts.get(match[1] as string) ?? {};
    const key = (match[2] as string).toLowerCase();
    context[key === 'client__secret' ? 'client__secrets' : key] = value;
    contexts.set(match[1] as string, context);
  }
  return [...contexts.values()];
}

function lookUp(document: JsonObject, path: string): unknown {
  if (Object.hasOwn(document, path)) return document[path];
  let current: unknown = document;
  for (const part of path.split('.')) {
    if (typeof current === 'string') current = parseJson(current);
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined;
    current = (current as JsonObject)[part];
  }
  return current;
}

/** What a value is, in words that say nothing of its content. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
