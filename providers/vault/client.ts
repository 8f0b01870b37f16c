import type NodeVault from 'node-vault';
import { ImsvaultError, vendorCause } from '../../src/errors.js';
import { describeNetworkError } from '../../src/net/network-error.js';
import { type Redacted, reveal } from '../../src/redacted.js';
import { loadSdk } from '../../src/secret/load-sdk.js';
import type { VaultConnection } from './connection.js';
import { loadNodeVault } from './load-node-vault.js';
import type { VaultSettings } from './settings.js';
import { createTransport, type VaultAnswer } from './transport.js';

export interface VaultCall {
  token?: Redacted<string>;
  /** Sent as JSON, by POST; without it the call is a GET. */
  body?: Readonly<Record<string, unknown>>;
  signal?: AbortSignal | undefined;
}

/** Calls of the server's HTTP API, through node-vault. */
export interface VaultClient {
  /** Without a slash at its end. */
  readonly address: string;
  /** Host and port. */
  readonly host: string;
  /**
   * @param path below `/v1/`, each segment encoded
   * @returns the answer, whatever its status
   * @throws ERR_SECRET_UNAVAILABLE when there is none, or `signal.reason`
   */
  call(path: string, call: VaultCall): Promise<VaultAnswer>;
}

export type LoadNodeVault = () => Promise<{ default: typeof NodeVault }>;

/** @throws ERR_PROVIDER_NOT_INSTALLED without node-vault */
export async function createVaultClient(
  settings: VaultSettings,
  connection: VaultConnection,
  load: LoadNodeVault = loadNodeVault,
): Promise<VaultClient> {
  const { default: nodeVault } = await loadSdk(load, 'vault', 'node-vault');
  const vault = nodeVault({
    endpoint: settings.address,
    // Its own debug log prints request bodies, which hold logins.
    debug: () => undefined,
    'request-promise': createTransport(connection.http),
  });
  // Where these are not set, node-vault takes VAULT_TOKEN, VAULT_NAMESPACE and VAULT_PREFIX from the process by itself.
  Object.assign(vault, { token: '', namespace: settings.namespace ?? '', pathPrefix: '' });

  return {
    address: settings.address,
    host: settings.host,
    async call(path, { token, body, signal }) {
      signal?.throwIfAborted();
      let answer: VaultAnswer | undefined;
      const options = {
        headers: token === undefined ? {} : { 'X-Vault-Token': reveal(token) },
        signal,
        onAnswer: (received: VaultAnswer) => {
          answer = received;
        },
      };
      try {
        await (body === undefined ? vault.read(path, options) : vault.write(path, body, options));
      } catch (error) {
        // node-vault rejects for every status but 200 and 204; the answer says more than its error.
        if (answer === undefined) {
          if (signal?.aborted) throw signal.reason;
          throw error instanceof ImsvaultError ? error : networkFailure(settings.host, error);
        }
      }
      if (answer === undefined) throw networkFailure(settings.host, undefined);
      return answer;
    },
  };
}

function networkFailure(host: string, error: unknown): ImsvaultError {
  const fault = describeNetworkError(error);
  return new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${host}: ${fault?.message ?? 'the request failed'}`, {
    retryable: fault?.retryable ?? true,
    cause: vendorCause(error),
    hint: fault?.hint,
  });
}
