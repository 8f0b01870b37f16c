import { join } from 'node:path';
import { ConfigInvalidError, type ConfigProblem, ImsvaultError } from '../../src/errors.js';
import { addressProblem } from './address.js';
import type { VaultAuth, VaultOptions } from './options.js';
import type { VaultRef } from './paths.js';

type Env = Readonly<Record<string, string | undefined>>;
export type VaultConnectionOptions = Omit<VaultOptions, keyof VaultRef>;

/** A file and the option or variable that named it. */
export interface NamedFile {
  path: string;
  option: string;
}

export interface VaultSettings {
  /** Without a slash at its end. */
  address: string;
  /** Host and port, for messages. */
  host: string;
  namespace?: string;
  auth: VaultAuth;
  tls: { ca?: NamedFile; caFolder?: NamedFile; cert?: NamedFile; key?: NamedFile; serverName?: string };
  /** Where the command line clients of both servers leave a token. */
  tokenHelperFile: string;
}

/** A value and the name of what set it. */
interface Found {
  value: string;
  source: string;
}

/** The first that is not empty: HashiCorp's variable, then OpenBao's. */
export function vaultVariable(env: Env, name: string): Found | undefined {
  for (const source of [`VAULT_${name}`, `BAO_${name}`]) {
    const value = env[source];
    if (value) return { value, source };
  }
  return undefined;
}

/**
 * The options, completed from the environment.
 * @throws ERR_PROVIDER_NOT_CONFIGURED without an address; ERR_CONFIG_INVALID with every other problem at once
 */
export function resolveSettings(options: VaultConnectionOptions, env: Env): VaultSettings {
  const find = (option: string, value: string | undefined, variable: string): Found | undefined =>
    value === undefined ? vaultVariable(env, variable) : { value, source: option };

  const address = find('address', options.address, 'ADDR');
  if (address === undefined) {
    throw new ImsvaultError('ERR_PROVIDER_NOT_CONFIGURED', 'no address of a Vault server is set', {
      hint: 'Set the address option, or VAULT_ADDR.',
    });
  }
  const auth = options.auth ?? { method: 'token' };
  const problems: ConfigProblem[] = [];
  const add = (path: string, message: string, source?: string) =>
    problems.push({ path, message, ...(source === undefined || source === path ? {} : { source }) });

  const wrong = addressProblem(address.value, options.allowSecretsOverPlainHttp);
  if (wrong !== undefined) add('address', wrong, address.source);

  const namespace = find('namespace', options.namespace, 'NAMESPACE');
  if (namespace !== undefined && !/^[\x21-\x7e]+$/.test(namespace.value)) {
    add('namespace', 'has characters that a namespace cannot have', namespace.source);
  }

  const file = (option: string, value: string | undefined, variable: string): NamedFile | undefined => {
    const found = find(`tls.${option}`, value, variable);
    return found === undefined ? undefined : { path: found.value, option: found.source };
  };
  const caFolder = file('caPath', options.tls?.caPath, 'CAPATH');
  // A caPath of the options is not overruled by a VAULT_CACERT of the environment.
  const ca =
    caFolder?.option === 'tls.caPath' && !options.tls?.caFile
      ? undefined
      : file('caFile', options.tls?.caFile, 'CACERT');
  const cert = file('certFile', options.tls?.certFile, 'CLIENT_CERT');
  const key = file('keyFile', options.tls?.keyFile, 'CLIENT_KEY');
  const serverName = find('tls.serverName', options.tls?.serverName, 'TLS_SERVER_NAME');
  if ((cert === undefined) !== (key === undefined)) {
    add('tls', 'a client certificate and its key belong together', cert?.option ?? key?.option);
  }
  if (auth.method === 'cert' && cert === undefined && key === undefined) {
    add('tls.certFile', 'auth method cert needs tls.certFile and tls.keyFile');
  }
  if (auth.method === 'cert' && address.value.startsWith('http:')) add('address', 'auth method cert needs https');

  const skipVerify = vaultVariable(env, 'SKIP_VERIFY');
  if (address.value.startsWith('https:') && skipVerify !== undefined && !/^(0|f|false)$/i.test(skipVerify.value)) {
    add(
      'tls',
      "refused: without a check of the server's certificate anybody on the way can take the login; name its authority's file in tls.caFile instead",
      skipVerify.source,
    );
  }
  if (problems.length > 0) throw new ConfigInvalidError(problems);

  const url = new URL(address.value);
  return {
    address: url.href.replace(/\/+$/, ''),
    host: `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`,
    ...(namespace === undefined ? {} : { namespace: namespace.value }),
    auth,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(caFolder === undefined || ca !== undefined ? {} : { caFolder }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { serverName: serverName.value }),
    },
    tokenHelperFile: env.HOME ? join(env.HOME, '.vault-token') : '~/.vault-token',
  };
}
