import type { KeyPair } from './certificates.js';
import { bundleOf, deletedOf, errorReply, itemOf } from './key-vault-replies.js';
import { createSecretStore, type SecretChange, type SecretStore, type StoredVersion } from './secret-store.js';
import { type StandInReply, type StandInRequest, type StandInServer, startStandInServer } from './stand-in-server.js';
import type { TokenIssuer } from './token-issuer.js';

/**
 * As the data actions of roles are: getSecret, readMetadata, setSecret, update (which access policies count among
 * "set"), delete with purge and recover.
 */
export type Permission = 'get' | 'list' | 'set' | 'update' | 'delete';

export interface KeyVaultStandIn extends StandInServer {
  readonly store: SecretStore;
  /** The client ids whose tokens were accepted, in the order of their requests. */
  readonly callers: string[];
  /** Gives an identity its permissions, in place of those it had; none without `permissions`. */
  grant(clientId: string, ...permissions: Permission[]): void;
  /** As `grant`, for one secret alone: what a role assignment with the secret as its scope does. */
  grantOn(clientId: string, secretName: string, ...permissions: Permission[]): void;
  /** `CLIENT SECRET PERMISSION` for each that a request needed and had. */
  readonly used: Set<string>;
  /** The inner code of every 403 from now on, or undefined to go by the permissions. Default undefined. */
  forbid(innerCode: string | undefined): void;
  /** How the challenge names the service that tokens are for. Default https://vault.azure.net. */
  resource: string;
  /** The most items of one page, 1 to 25. Default 25, as the service has it. */
  pageSize: number;
}

/** The service's bounds. Source: "Azure Key Vault service limits" and the REST reference. */
const MAX_VALUE_BYTES = 25 * 1024;
const MAX_PAGE = 25;
const MAX_TAGS = 15;
const MAX_TEXT = 256;

/** A strict Key Vault: the secrets part of its REST API, for tokens of `issuer` only. */
export async function startKeyVault(issuer: TokenIssuer, authority: string, tls: KeyPair): Promise<KeyVaultStandIn> {
  const store = createSecretStore(issuer.clock);
  const permissions = new Map<string, Permission[]>();
  const callers: string[] = [];
  const used = new Set<string>();
  let forbidden: string | undefined;

  const server = await startStandInServer((request) => {
    const { headers, ...reply } = answer(request);
    // By the vault's own clock, which tests may move.
    return { ...reply, headers: { date: new Date(issuer.clock.now()).toUTCString(), ...headers } };
  }, tls);

  function answer(request: StandInRequest): StandInReply {
    const caller = authenticate(request);
    if ('status' in caller) return caller;
    callers.push(caller.clientId);
    if (request.query.get('api-version') === null) return badParameter('api-version must be specified');
    const [, area, name = '', last, ...more] = request.path.split('/');
    if (more.length > 0) return errorReply(404, 'NotFound', 'no such resource');
    const needs = (permission: Permission, run: () => StandInReply): StandInReply => {
      if (forbidden !== undefined) return errorReply(403, 'Forbidden', 'forbidden', forbidden);
      const granted = permissions.get(`${caller.clientId} ${name}`) ?? permissions.get(caller.clientId);
      if (granted?.includes(permission)) used.add(`${caller.clientId} ${name} ${permission}`);
      return granted?.includes(permission)
        ? run()
        : errorReply(403, 'Forbidden', 'Caller is not authorized to perform action on resource.', 'ForbiddenByRbac');
    };
    if (area === 'deletedsecrets') return deletedArea(request, name, last, needs);
    if (area !== 'secrets') return errorReply(404, 'NotFound', 'no such resource');
    if (name === '')
      return needs('list', () =>
        page(
          request,
          store.names().flatMap((each) => latestItem(each)),
        ),
      );
    if (!/^[0-9A-Za-z-]{1,127}$/.test(name)) return badParameter('The request URI contains an invalid name');
    switch (request.method) {
      case 'GET':
        return last === 'versions'
          ? needs('list', () =>
              page(
                request,
                store.versions(name).map((each) => itemOf(server.url, name, each)),
              ),
            )
          : needs('get', () => read(name, last || undefined));
      case 'PUT':
        return needs('set', () => write(name, request.body));
      case 'PATCH':
        return needs('update', () => patch(name, last, request.body));
      case 'DELETE':
        return needs('delete', () =>
          store.remove(name) ? { status: 200, json: deletedOf(server.url, name) } : missing(name),
        );
      default:
        return errorReply(405, 'MethodNotAllowed', 'not allowed');
    }
  }

  function authenticate({ headers }: StandInRequest): { clientId: string } | StandInReply {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
    const result = token === undefined ? { reason: 'no token' } : issuer.verify(token, standIn.resource);
    if ('clientId' in result) return result;
    const refused = token === undefined ? '' : ', error="invalid_token"';
    return {
      ...errorReply(401, 'Unauthorized', `AKV10000: ${result.reason}`),
      headers: { 'www-authenticate': `Bearer authorization="${authority}", resource="${standIn.resource}"${refused}` },
    };
  }

  const missing = (name: string) =>
    errorReply(404, 'SecretNotFound', `A secret with (name/id) ${name} was not found in this key vault.`);
  const find = (name: string, version?: string) =>
    version === undefined ? store.versions(name).at(-1) : store.versions(name).find((each) => each.version === version);
  const bundle = (name: string, version: StoredVersion): StandInReply => ({
    status: 200,
    json: bundleOf(server.url, name, version),
  });

  function latestItem(name: string) {
    const version = store.versions(name).at(-1);
    return version === undefined ? [] : [itemOf(server.url, name, version)];
  }

  function read(name: string, version?: string): StandInReply {
    const found = find(name, version);
    if (found === undefined) return missing(name);
    // Past `exp` a secret is served still; only `enabled` closes it.
    return found.attributes.enabled
      ? bundle(name, found)
      : errorReply(403, 'Forbidden', 'Operation get is not allowed on a disabled secret.', 'SecretDisabled');
  }

  function write(name: string, body: string): StandInReply {
    if (store.isDeleted(name)) {
      return errorReply(409, 'Conflict', `Secret ${name} is deleted but recoverable.`, 'ObjectIsDeletedButRecoverable');
    }
    const { value, ...change } = JSON.parse(body) as SecretChange & { value?: unknown };
    const refused = refusedChange(change);
    if (refused !== undefined) return badParameter(refused);
    if (typeof value !== 'string') return badParameter('value is required');
    if (Buffer.byteLength(value) > MAX_VALUE_BYTES) return badParameter('The value is longer than 25k');
    return bundle(name, store.add(name, value, change));
  }

  function patch(name: string, version: string | undefined, body: string): StandInReply {
    const found = find(name, version || undefined);
    if (found === undefined) return missing(name);
    const change = JSON.parse(body) as SecretChange;
    const refused = refusedChange(change);
    if (refused !== undefined) return badParameter(refused);
    store.update(found, change);
    return { status: 200, json: itemOf(server.url, name, found) };
  }

  function deletedArea(
    { method }: StandInRequest,
    name: string,
    last: string | undefined,
    needs: (permission: Permission, run: () => StandInReply) => StandInReply,
  ): StandInReply {
    if (!store.isDeleted(name)) return missing(name);
    if (method === 'GET') return needs('get', () => ({ status: 200, json: deletedOf(server.url, name) }));
    if (method === 'DELETE') return needs('delete', () => (store.purge(name) ? { status: 204 } : missing(name)));
    if (method !== 'POST' || last !== 'recover') return errorReply(405, 'MethodNotAllowed', 'not allowed');
    return needs('delete', () => (store.recover(name) ? { status: 200, json: latestItem(name)[0] } : missing(name)));
  }

  /** In the order of the last digits of their random ids: always the same, and none that means anything. */
  function page({ path, query }: StandInRequest, items: { id: string }[]): StandInReply {
    const size = Math.min(Number(query.get('maxresults') ?? MAX_PAGE), standIn.pageSize);
    if (!(size >= 1)) return badParameter('maxresults must be between 1 and 25');
    const start = Number(query.get('$skiptoken') ?? 0);
    const key = ({ id }: { id: string }) => [...id].reverse().join('');
    const sorted = items.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
    const next = new URLSearchParams({ 'api-version': query.get('api-version') ?? '', maxresults: String(size) });
    next.set('$skiptoken', String(start + size));
    const more = start + size < sorted.length;
    return {
      status: 200,
      json: { value: sorted.slice(start, start + size), nextLink: more ? `${server.url}${path}?${next}` : null },
    };
  }

  const standIn: KeyVaultStandIn = Object.assign(server, {
    store,
    callers,
    used,
    resource: 'https://vault.azure.net',
    pageSize: MAX_PAGE,
    grant: (clientId: string, ...granted: Permission[]) => void permissions.set(clientId, granted),
    grantOn: (clientId: string, secretName: string, ...granted: Permission[]) =>
      void permissions.set(`${clientId} ${secretName}`, granted),
    forbid: (innerCode: string | undefined) => {
      forbidden = innerCode;
    },
  });
  return standIn;
}

function refusedChange({ contentType = '', tags = {}, attributes = {}, ...rest }: SecretChange): string | undefined {
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return `Property ${unknown} is not known`;
  if (typeof contentType !== 'string' || contentType.length > MAX_TEXT) return 'The contentType is too long';
  const texts = Object.entries(tags).flat();
  if (texts.length > 2 * MAX_TAGS) return `There are more than ${MAX_TAGS} tags`;
  if (texts.some((text) => typeof text !== 'string' || text.length > MAX_TEXT)) return 'A tag is too long, or no text';
  const { enabled = true, exp = 0, nbf = 0, ...others } = attributes;
  if (Object.keys(others).length > 0) return 'Only enabled, exp and nbf may be set';
  if (typeof enabled !== 'boolean' || !Number.isInteger(exp) || !Number.isInteger(nbf))
    return 'An attribute is malformed';
  return undefined;
}

function badParameter(message: string): StandInReply {
  return errorReply(400, 'BadParameter', message);
}
