import { ImsvaultError } from '../../src/errors.js';
import type { ProviderContext, SecretProvider } from '../../src/secret/provider.js';
import { createVaultClient, type LoadNodeVault } from './client.js';
import { createConnection } from './connection.js';
import { createKeepAlive } from './keep-alive.js';
import { createKvReader } from './kv.js';
import { createLogin } from './login.js';
import type { VaultRef } from './paths.js';
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
  const kv = createKvReader(client, context, describe);

  return {
    name: 'vault',
    describe,
    async readSecret(ref, { signal } = {}) {
      signal?.throwIfAborted();
      const before = session.peek();
      const token = await session.token(signal);
      try {
        return await kv.read(ref, token, signal);
      } catch (error) {
        // A login that is older than this read may have been revoked; a new one's denial is the policy's.
        if (!isDenied(error) || token !== before) throw error;
        const other = await session.replace(token, signal).catch((loginError: unknown) => {
          throw isFinal(loginError) ? both(error, loginError) : loginError;
        });
        if (other === undefined) throw error;
        return await kv.read(ref, other, signal);
      } finally {
        keepAlive.arm();
      }
    },
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
