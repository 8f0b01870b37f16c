import { join } from 'node:path';

/**
 * Where an agent and those who ask it look for its token without being told: in memory, in a folder that is one user's
 * alone. systemd's for the service, else the session's.
 */
export function defaultTokenFile(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { RUNTIME_DIRECTORY, XDG_RUNTIME_DIR } = env;
  const [own] = (RUNTIME_DIRECTORY ?? '').split(':');
  if (own) return join(own, 'agent-token');
  return XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, 'imsvault-agent-token') : undefined;
}
