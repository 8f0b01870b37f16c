import { startServer } from './process.js';

/** Of the client that the command `emulator` knows. */
export const EMULATOR_CLIENT = { client_id: 'emulator-client-id', client_secret: 'emulator-client-secret' } as const;

/** `imsvault emulator` in a process of its own. */
export interface ImsProcess {
  url: string;
  tokenEndpoint: string;
  /** `METHOD path → status` of each request so far. */
  requests(): string[];
  /** Tokens given so far. */
  exchanges(): number;
  /** What IMS itself says of a token. */
  isValid(token: string): Promise<boolean>;
  stop(): Promise<void>;
}

/** @param expiresIn life of its tokens, in seconds */
export async function startImsProcess(bin: string, expiresIn: number): Promise<ImsProcess> {
  const server = await startServer({
    name: 'the emulator',
    command: process.execPath,
    args: [bin, 'emulator', '--port', '0', '--expires-in', String(expiresIn)],
    ready: (line) => line.includes('stop it with Ctrl-C'),
  });
  const [tokenEndpoint, url] = /(http:\S+)\/ims\/token\/v3/.exec(server.output()) ?? [];
  if (tokenEndpoint === undefined || url === undefined) throw new Error(`no endpoint in:\n${server.output()}`);
  const requests = () =>
    [...server.output().matchAll(/^\[IMS emulator\] ([A-Z]+ \S+ → \d+)/gm)].map(([, request = '']) => request);
  return {
    url,
    tokenEndpoint,
    requests,
    exchanges: () => requests().filter((request) => request === 'POST /ims/token/v3 → 200').length,
    async isValid(token) {
      const { client_id } = EMULATOR_CLIENT;
      const response = await fetch(`${url}/ims/validate_token/v1`, {
        method: 'POST',
        headers: { 'x-ims-clientid': client_id },
        body: new URLSearchParams({ type: 'access_token', client_id, token }),
      });
      const { valid } = (await response.json()) as { valid?: boolean };
      if (valid === undefined) throw new Error(`IMS did not judge the token: status ${response.status}`);
      return valid;
    },
    stop: server.stop,
  };
}
