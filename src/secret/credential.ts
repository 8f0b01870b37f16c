import { ImsvaultError } from '../errors.js';
import { type Redacted, redact, reveal } from '../redacted.js';
import { parseStringList } from '../string-list.js';
import { kindOf, parsePayload, type SecretFields } from './payload.js';

/** What a client proves itself with at IMS. */
export interface Credential {
  clientId: string;
  /** The first is the one in use; a second exists while a rotation is under way. Never empty. */
  clientSecrets: readonly [Redacted<string>, ...Redacted<string>[]];
  /** Where the secret itself names its scopes. */
  scope?: readonly string[];
  /** Where the secret names its organisation: `…@AdobeOrg`. */
  orgId?: string;
}

/** Which fields of the secret hold what, where the names are not among those known. */
export interface FieldMap {
  /** A field's name, or a dotted path into the document. */
  clientId?: string;
  clientSecret?: string;
  scope?: string;
  orgId?: string;
}

/** Names found in the wild, the standard one first. Sources: Adobe's console, aio, Fusion's documentation. */
const NAMES = {
  clientId: ['client_id', 'clientId', 'CLIENT_ID', 'FUSION_CLIENT_ID', 'api_key', 'client__id'],
  clientSecret: [
    'client_secret',
    'clientSecret',
    'CLIENT_SECRET',
    'FUSION_CLIENT_SECRET',
    'client_secrets',
    'clientSecrets',
    'CLIENT_SECRETS',
    'client__secrets',
  ],
  scope: ['scope', 'scopes', 'SCOPES'],
  orgId: ['org_id', 'orgId', 'ORG_ID', 'ims_org_id', 'ims__org__id'],
} as const;

/** A client secret is under 100 characters today; this only stops a certificate or a file pasted into the field. */
const MAX_VALUE_LENGTH = 4096;

/**
 * Reads a credential out of a secret's text: a JSON object in any of the shapes that Adobe's console and tools
 * write, or `NAME=value` lines.
 * @param where the secret's place, for the error's text
 * @throws ERR_SECRET_MALFORMED; it names fields and types, never a value
 */
export function parseCredential(value: Redacted<string>, where: string, fieldMap: FieldMap = {}): Credential {
  const fail = (message: string, hint?: string) =>
    new ImsvaultError('ERR_SECRET_MALFORMED', `${where}: ${message}`, { hint });
  const mapped = fieldMap.clientId !== undefined && fieldMap.clientSecret !== undefined;
  const fields = parsePayload(reveal(value), mapped, fail);

  const find = (key: keyof typeof NAMES): { name: string; value: unknown } | undefined => {
    const mapped = fieldMap[key];
    if (mapped !== undefined) {
      const found = fields.at(mapped);
      if (found === undefined) throw fail(`it has no field "${mapped}" (named by fields.${key})`, known(fields));
      return { name: mapped, value: found };
    }
    const present = NAMES[key]
      .map((name) => ({ name, value: fields.at(name) }))
      .filter((field) => field.value !== undefined && field.value !== null);
    const [first] = present;
    const other = present.find((field) => field.value !== first?.value);
    if (first !== undefined && other !== undefined && !agree(first.value, other.value, key === 'clientSecret')) {
      throw fail(
        `"${first.name}" and "${other.name}" differ`,
        `Say which one counts: fields: { ${key}: ${first.name} }.`,
      );
    }
    // During a rotation both secrets stand in the list, beside the one in use.
    return key === 'clientSecret' ? (present.find((field) => isList(field)) ?? first) : first;
  };

  const id = find('clientId');
  const secret = find('clientSecret');
  const missing = [...(id === undefined ? ['client_id'] : []), ...(secret === undefined ? ['client_secret'] : [])];
  if (id === undefined || secret === undefined) {
    throw fail(`it has no ${missing.join(' and no ')}`, known(fields));
  }

  const clientId = text(id, fail);
  if (!/^[\x21-\x7e]+$/.test(clientId)) throw fail(`"${id.name}" must be printable ASCII, without white space`);
  const scopeField = find('scope');
  const scope = scopeField === undefined ? undefined : parseStringList(scopeField.value);
  if (scopeField !== undefined && scope === undefined) throw fail(`"${scopeField.name}" is not a list of scopes`);
  const orgField = find('orgId');
  return {
    clientId,
    clientSecrets: secrets(secret, fail),
    ...(scope === undefined || scope.length === 0 ? {} : { scope }),
    ...(orgField === undefined ? {} : { orgId: text(orgField, fail) }),
  };
}

type Fail = (message: string, hint?: string) => ImsvaultError;
type Field = { name: string; value: unknown };

function text(field: Field, fail: Fail): string {
  if (typeof field.value !== 'string') {
    throw fail(`"${field.name}" must be a text; it is ${kindOf(field.value)}`);
  }
  const trimmed = field.value.trim();
  if (trimmed === '') throw fail(`"${field.name}" is empty`);
  if (trimmed.length > MAX_VALUE_LENGTH) throw fail(`"${field.name}" is longer than ${MAX_VALUE_LENGTH} characters`);
  if (/\p{Cc}/u.test(trimmed)) throw fail(`"${field.name}" has control characters inside`);
  return trimmed;
}

/** One secret as text, or a list of them as an array, a JSON string, or separated by commas. */
function secrets(field: Field, fail: Fail): Credential['clientSecrets'] {
  if (!isList(field)) return [redact(text(field, fail))];
  const list = parseStringList(field.value);
  if (list === undefined) throw fail(`"${field.name}" is not a list of texts; it is ${kindOf(field.value)}`);
  const [first, ...rest] = list.map((value) => redact(text({ name: field.name, value }, fail)));
  if (first === undefined) throw fail(`"${field.name}" is an empty list`);
  return [first, ...rest];
}

/** By its name or its value: a single secret may have a comma inside. */
function isList({ name, value }: Field): boolean {
  return /secrets$/i.test(name) || Array.isArray(value) || (typeof value === 'string' && value.trim().startsWith('['));
}

/** The same list in two spellings; of secrets one may be shorter: `client_secret: "a"` beside `["a", "b"]`. */
function agree(left: unknown, right: unknown, mayBeShorter: boolean): boolean {
  const [a, b] = [left, right].map((value) => parseStringList(value));
  if (a === undefined || b === undefined) return false;
  const [shorter, longer] = a.length <= b.length ? [a, b] : [b, a];
  return (mayBeShorter || a.length === b.length) && shorter.every((item, index) => item === longer[index]);
}

/** Names that hold a digit are left out: a secret pasted where a name belongs must not be printed. */
function known(fields: SecretFields): string {
  const printable = fields.names.filter((name) => /^[A-Za-z][A-Za-z_.-]{0,39}$/.test(name)).slice(0, 10);
  const rest = fields.names.length - printable.length;
  const found = [...printable.map((name) => `"${name}"`), ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
  return `It has ${found === '' ? 'no fields' : `the fields ${found}`}. Rename them, or map them with the fields option.`;
}
