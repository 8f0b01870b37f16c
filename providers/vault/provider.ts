import { ImsvaultError } from '../../src/errors.js';
import type { Redacted } from '../../src/redacted.js';
import type { ProviderContext, SecretProvider } from '../../src/secret/provider.js';
import { createAnnotator } from './annotate.js';
import { createVaultClient, type LoadNodeVault } from './client.js';
import { createConnection } from './connection.js';
import { createKeepAlive } from './keep-alive.js';
import { createKvReader } from './kv.js';
import { createKvVersions } from './kv-version.js';
import { createKvWriter } from './kv-writer.js';
import { createLogin } from './login.js';
import type { KvVersion, VaultRef } from './paths.js';
import { createSession } from './session.js';
import { resolveSettings, type VaultConnectionOptions } from './settings.js';

/**
 * @throws ERR_PROVIDER_NOT_CONFIGURED without an address, ERR_PROVIDER_NOT_INSTALLED without node-vault,
 *   ERR_CONFIG_INVALID for options and variables that do not go together
 */
export async function createVaultProvider(
  options: VaultConnectionOptions,
  context: ProviderContext,
  load?: LoadNodeVault,
): Promise<SecretProvider<VaultRef>> {
  const settings = resolveSettings(options, context.env);
  const connection = createConnection(settings, context);
  const client = await createVaultClient(settings, connection, load);
  const session = createSession(createLogin({ settings, client, connection, context }), client, context);
  const keepAlive = createKeepAlive(session, context.clock);

  const within = settings.namespace === undefined ? '' : `, namespace ${settings.namespace}`;
  const describe = ({ mount, path, version }: VaultRef) =>
    `${mount}/${path}${version === undefined ? '' : ` (version ${version})`} at ${settings.address}${within}`;
  const parts = { client, context, describe };
  const versions = createKvVersions(parts, options.kvVersion as KvVersion | undefined);
  const reader = createKvReader(parts, versions);
  const writer = createKvWriter(parts, versions, reader.contentId);
  const annotate = createAnnotator(parts);

  /** A denied call has changed nothing: it is repeated once, with another login. */
  async function withLogin<T>(
    signal: AbortSignal | undefined,
    call: (token: Redacted<string>) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const before = session.peek();
    const token = await session.token(signal);
    try {
      return await call(token);
    } catch (error) {
      // A login that is older than this call may have been revoked; a new one's denial is the policy's.
      if (!isDenied(error) || token !== before) throw error;
      const other = await session.replace(token, signal).catch((loginError: unknown) => {
        throw isFinal(loginError) ? both(error, loginError) : loginError;
      });
      if (other === undefined) throw error;
      return await call(other);
    } finally {
      keepAlive.arm();
    }
  }

  const writes: Pick<SecretProvider<VaultRef>, 'replaceSecret' | 'putSecret' | 'annotateSecret'> = options.kvVersion ===
  1
    ? {
        putSecret: (ref, value, { signal, create = true } = {}) =>
          withLogin(signal, (token) => writer.put({ ref, value, create, token, signal })),
      }
    : {
        replaceSecret: (ref, value, expected, { signal, create = true } = {}) =>
          withLogin(signal, (token) => writer.replace({ ref, value, create, token, signal }, expected)),
        async annotateSecret(ref, metadata, { signal } = {}) {
          signal?.throwIfAborted();
          // Many may not do this: a denial is not worth a login, which can use up a secret id.
          await annotate(ref, metadata, await session.token(signal), signal);
        },
      };

  return {
    name: 'vault',
    describe,
    readSecret: (ref, { signal } = {}) => withLogin(signal, (token) => reader.read(ref, token, signal)),
    readOtherVersions: (ref, { signal } = {}) => withLogin(signal, (token) => reader.readPrevious(ref, token, signal)),
    ...writes,
    login: async ({ signal } = {}) => session.describe(signal),
    async close() {
      keepAlive.stop();
      await connection.close();
    },
  };
}

function isDenied(error: unknown): error is ImsvaultError {
  return error instanceof ImsvaultError && error.code === 'ERR_SECRET_ACCESS_DENIED';
}

/** A denied read stays denied when its login cannot even be tried again: a chain must not go on past it. */
function isFinal(error: unknown): error is ImsvaultError {
  return error instanceof ImsvaultError && error.code !== 'ERR_SECRET_UNAVAILABLE';
}

function both(read: ImsvaultError, login: ImsvaultError): ImsvaultError {
  const hint = [login.hint, read.hint].filter((text) => text !== undefined).join(' ');
  return new ImsvaultError('ERR_SECRET_ACCESS_DENIED', `${read.message}; a new login failed too: ${login.message}`, {
    hint,
    cause: login,
  });
}
