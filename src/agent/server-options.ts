import { createSecureContext } from 'node:tls';
import type { Clock } from '../clock.js';
import type { AgentSettings } from '../config/agent-block.js';
import type { Env } from '../config/interpolate.js';
import { ConfigInvalidError, ImsvaultError, vendorCause } from '../errors.js';
import { parseListenAddress } from '../net/listen-address.js';
import { readBoundedFile } from '../secret/secret-file.js';
import { readAccessToken } from './access-token-file.js';
import type { AgentServerOptions, AgentTls } from './agent-server.js';
import { defaultTokenFile } from './default-token-file.js';
import { accountId } from './sinks/accounts.js';

const MOST_OF_TOKEN_FILE = 0o640;

/**
 * The settings as the server takes them: addresses parsed, files read, names looked up.
 * @throws ERR_CONFIG_INVALID
 */
export async function serverOptions(
  settings: AgentSettings,
  env: Env,
  deps: { clock: Clock; warn: (message: string) => void },
): Promise<Omit<AgentServerOptions, 'profiles'>> {
  const { listen, healthListen = [], allowRemote, hostNames, tls, group, requiredProfiles } = settings;
  const gid = group === undefined ? undefined : await accountId('group', group);
  if (group !== undefined && gid === undefined) throw invalid('agent.group', 'no group of this name is in /etc/group');
  const path = settings.tokenFile ?? defaultTokenFile(env);
  if (path === undefined) {
    const message = 'is required (or --token-file) where neither RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set';
    throw invalid('agent.tokenFile', message);
  }
  const mode = settings.tokenFileMode ?? (gid === undefined ? 0o600 : 0o640);
  // Who can write it can put a token there that they know.
  if ((mode & ~MOST_OF_TOKEN_FILE) !== 0) {
    const message =
      "(or --token-file-mode) is wider than '0640': only the owner may write the agent's access token, and others may not read it";
    throw invalid('agent.tokenFileMode', message);
  }
  const shared = gid === undefined ? {} : { gid };
  return {
    listen: listen.map((address) => parseListenAddress(address, 'agent.listen')),
    healthListen: healthListen.map((address) => parseListenAddress(address, 'agent.healthListen')),
    allowRemote,
    hostNames,
    ...(tls === undefined ? {} : { tls: await readTls(tls) }),
    unixSocket: { mode: gid === undefined ? 0o600 : 0o660, ...shared },
    accessToken: readAccessToken({
      path,
      mode,
      ...shared,
      ...deps,
    }),
    ...(requiredProfiles === undefined ? {} : { requiredProfiles }),
    ...deps,
  };
}

/**
 * The certificate that the agent shows, and its key, as they stand in their files now.
 * @throws ERR_CONFIG_INVALID also where they do not belong together
 */
export async function readTls({ certFile, keyFile }: NonNullable<AgentSettings['tls']>): Promise<AgentTls> {
  const cert = await readPem(certFile, 'agent.tls.certFile');
  const key = await readPem(keyFile, 'agent.tls.keyFile');
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const { code, name } = vendorCause(error);
    throw invalid('agent.tls', `certFile and keyFile hold no certificate and its key (${code ?? name})`);
  }
  return { cert, key };
}

async function readPem(file: string, option: string): Promise<Buffer> {
  try {
    return await readBoundedFile(file, option);
  } catch (error) {
    if (!(error instanceof ImsvaultError)) throw error;
    throw invalid(option, error.message.slice(`${option}: `.length));
  }
}

function invalid(path: string, message: string): ConfigInvalidError {
  return new ConfigInvalidError([{ path, message }]);
}
