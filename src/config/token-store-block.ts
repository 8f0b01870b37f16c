import type { JsonObject } from '../json.js';
import { identityInNames, identityOf, type TokenIdentity } from '../token/identity.js';
import type { TokenStoreSettings } from './load.js';
import { type BlockReader, readBlock } from './provider-block.js';
import { blockOptions, READ_ONLY_OPTIONS, READ_ONLY_PROVIDERS, tokenStoreOptions } from './store-schema.js';
import { isObject, omit, type Path, pick } from './tree.js';

export interface ReadTokenStore {
  settings: TokenStoreSettings;
  /** All options with their defaults, by their names in the config. */
  resolved: JsonObject;
}

/** Stands for the identity in a secret's name. */
const PLACEHOLDER = '{identity}';

/**
 * The profile's token store. Where it says nothing of how to reach the store, it takes that from the `credentials` of the
 * same provider; of a chain, from the first of that provider.
 * @param profile the profile's tree
 * @param identity undefined where `ims` is not valid
 * @param origins filled: for each part of the store that came from elsewhere, its name → where it stands
 */
export async function readTokenStore(
  profile: JsonObject,
  identity: TokenIdentity | undefined,
  origins: Map<string, Path>,
  reader: BlockReader,
): Promise<ReadTokenStore | undefined> {
  const value = profile.tokenStore;
  if (value === undefined) return undefined;
  const path = ['tokenStore'];
  const provider = isObject(value) ? value.provider : undefined;
  if (provider === 'chain' || READ_ONLY_PROVIDERS.includes(String(provider))) {
    reader.problem([...path, 'provider'], `${provider} cannot hold a token: nothing can be written to it`);
    return undefined;
  }
  for (const [option, why] of Object.entries(READ_ONLY_OPTIONS[String(provider)] ?? {})) {
    if (isObject(value) && value[option] !== undefined) reader.problem([...path, option], why);
  }
  const hash = identity === undefined ? undefined : identityOf(identity);

  function complete(own: JsonObject, refOptions: readonly string[]): JsonObject {
    const ref = Object.entries(pick(own, refOptions)).map(([key, text]) => [key, withIdentity(text, hash ?? '')]);
    const connection = omit(own, refOptions);
    const from = Object.keys(connection).length > 0 ? undefined : credentialsOf(profile.credentials, provider);
    if (from === undefined) return { ...connection, ...Object.fromEntries(ref) };
    const common = ['provider', ...Object.keys(blockOptions.shape)];
    const inherited = omit(from.value, [...common, ...refOptions]);
    for (const key of Object.keys(inherited)) origins.set(key, [...from.path, key]);
    return { ...inherited, ...Object.fromEntries(ref) };
  }

  const read = await readBlock(value, path, tokenStoreOptions, reader, complete);
  if (read === undefined || hash === undefined) return undefined;
  const { create, onMismatch, onUnavailable, identityRevision } = read.common;
  const settings = { ...read.block, identity: hash, identityRevision, create, onMismatch, onUnavailable };
  return { settings, resolved: read.resolved };
}

function withIdentity(value: unknown, identity: string): unknown {
  return typeof value === 'string' ? value.replaceAll(PLACEHOLDER, identityInNames(identity)) : value;
}

function credentialsOf(credentials: unknown, provider: unknown): { value: JsonObject; path: Path } | undefined {
  if (!isObject(credentials)) return undefined;
  if (credentials.provider === provider) return { value: credentials, path: ['credentials'] };
  if (!Array.isArray(credentials.providers)) return undefined;
  const index = credentials.providers.findIndex((link) => isObject(link) && link.provider === provider);
  const value: unknown = credentials.providers[index];
  return isObject(value) ? { value, path: ['credentials', 'providers', index] } : undefined;
}
