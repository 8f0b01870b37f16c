import { resolve } from 'node:path';
import { defaultTokenFile } from '../../agent/default-token-file.js';
import { type AgentAddress, requestWebLink } from '../../agent/web-link.js';
import { ConfigInvalidError } from '../../errors.js';
import { parseListenAddress } from '../../net/listen-address.js';
import { isLoopbackHost } from '../../net/loopback.js';
import { reveal } from '../../redacted.js';
import { readBoundedFile, readSecretFile } from '../../secret/secret-file.js';
import { EXIT } from '../exit-codes.js';
import type { Io } from '../io.js';

export interface StatusWebOptions {
  output: 'text' | 'json';
  /** As `imsvault serve --listen` takes it, or `https://HOST:PORT`. Default `127.0.0.1:7717`. */
  agent?: string;
  /** A PEM file, for https. */
  agentCa?: string;
  tokenFile?: string;
}

/** Prints a link to the status page of a running agent. It works once, within a minute. */
export async function runStatusWeb(options: StatusWebOptions, io: Io): Promise<number> {
  const address = await agentAddress(options, io);
  if (address.kind === 'tcp' && !isLoopbackHost(address.host)) {
    throw new ConfigInvalidError([
      { path: '--agent', message: 'must be an address of this machine: the access token would go there in clear text' },
    ]);
  }
  const tokenFile = options.tokenFile === undefined ? defaultTokenFile(io.env) : resolve(io.cwd, options.tokenFile);
  if (tokenFile === undefined) {
    throw new ConfigInvalidError([
      { path: '--token-file', message: "is required where XDG_RUNTIME_DIR is not set; name the agent's token file" },
    ]);
  }
  const accessToken = await readSecretFile(tokenFile, io.cwd, '--token-file');
  if (!/^[\x21-\x7e]+$/.test(reveal(accessToken))) {
    throw new ConfigInvalidError([{ path: '--token-file', message: `${tokenFile} holds no token of an agent` }]);
  }
  const url = await requestWebLink(address, accessToken, io.signal);
  io.stdout(options.output === 'json' ? `${JSON.stringify({ url })}\n` : `${url}\n`);
  return EXIT.done;
}

async function agentAddress({ agent = '127.0.0.1:7717', agentCa }: StatusWebOptions, io: Io): Promise<AgentAddress> {
  if (!/^https:/i.test(agent)) {
    if (agentCa === undefined) return parseListenAddress(agent, '--agent');
    throw new ConfigInvalidError([{ path: '--agent-ca', message: 'goes with --agent https://HOST:PORT' }]);
  }
  const url = URL.canParse(agent) ? new URL(agent) : undefined;
  if (url === undefined || url.href !== `${url.origin}/`) {
    throw new ConfigInvalidError([{ path: '--agent', message: 'write https://HOST:PORT and no more' }]);
  }
  if (agentCa === undefined) return { kind: 'https', url };
  return {
    kind: 'https',
    url,
    ca: await readBoundedFile(resolve(io.cwd, agentCa), '--agent-ca', { maxBytes: 1024 * 1024 }),
  };
}
