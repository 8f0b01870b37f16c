import { ConfigInvalidError, vendorCause } from '../../errors.js';
import { reveal } from '../../redacted.js';
import { readSecretFile } from '../../secret/secret-file.js';
import { createImsEmulator, type ImsEmulator, type ImsFault } from '../../testing/index.js';
import { EXIT } from '../exit-codes.js';
import { aborted, type Io } from '../io.js';

export interface EmulatorCommandOptions {
  /** 0: any free one. */
  port: number;
  expiresInSeconds: number;
  clientId?: string;
  /** Relative to the working directory. */
  clientSecretFile?: string;
  /** Met by every token request, or by the first `faultTimes` of them. */
  fault?: ImsFault;
  faultTimes?: number;
}

const DEFAULT_CLIENT_ID = 'emulator-client-id';
/** Where Adobe's API for client secrets has that client. */
const CONSOLE = { consoleOrgId: '1000001', credentialId: '2000002' };
/** Published with the package: no secret at all. */
const DEFAULT_CLIENT_SECRET = 'emulator-client-secret';

/**
 * Serves until `io.signal` aborts; being stopped is how it ends well.
 * @throws ERR_CONFIG_INVALID for a port or a life it cannot have, and what reading the secret's file throws
 */
export async function runEmulator(
  options: EmulatorCommandOptions,
  io: Pick<Io, 'stdout' | 'signal' | 'cwd'>,
): Promise<number> {
  const { port, expiresInSeconds, clientId = DEFAULT_CLIENT_ID, clientSecretFile, fault, faultTimes } = options;
  const problems = [];
  if (port > 65_535) problems.push({ path: '--port', message: 'must be from 0 to 65535' });
  if (expiresInSeconds < 1) problems.push({ path: '--expires-in', message: 'must be at least 1 second' });
  if (faultTimes === 0) problems.push({ path: '--fault-times', message: 'must be at least 1' });
  if (faultTimes !== undefined && fault === undefined) {
    problems.push({ path: '--fault-times', message: 'says how often, and --fault says what' });
  }
  if (problems.length > 0) throw new ConfigInvalidError(problems);

  const clientSecret =
    clientSecretFile === undefined
      ? DEFAULT_CLIENT_SECRET
      : reveal(await readSecretFile(clientSecretFile, io.cwd, '--client-secret-file'));
  const say = (line: string) => io.stdout(`${line}\n`);
  const emulator = createImsEmulator({
    clients: [{ clientId, clientSecrets: [clientSecret], ...CONSOLE }],
    expiresInSeconds,
    port,
    log: say,
  });
  if (fault !== undefined) emulator.fail(fault, faultTimes);
  await listen(emulator, port);
  try {
    say('[IMS emulator] an emulator, not Adobe IMS: its tokens open nothing at Adobe');
    say(`[IMS emulator] token endpoint  ${emulator.tokenEndpoint}`);
    say(
      `[IMS emulator] secrets API     ${emulator.url} (orgId ${CONSOLE.consoleOrgId}, credentialId ${CONSOLE.credentialId})`,
    );
    say(`[IMS emulator] client id       ${clientId}`);
    say(
      `[IMS emulator] client secret   ${clientSecretFile === undefined ? `${DEFAULT_CLIENT_SECRET} (known to all)` : `from ${clientSecretFile}`}`,
    );
    if (fault !== undefined) {
      say(`[IMS emulator] fault         ${fault.kind}, ${faultTimes === undefined ? 'always' : `${faultTimes} times`}`);
    }
    say('[IMS emulator] stop it with Ctrl-C');
    await aborted(io.signal);
    return EXIT.done;
  } finally {
    await emulator.stop();
  }
}

async function listen(emulator: ImsEmulator, port: number): Promise<void> {
  try {
    await emulator.start();
  } catch (error) {
    const cause = vendorCause(error);
    throw new ConfigInvalidError(
      [{ path: '--port', message: `cannot listen on port ${port} (${cause.code ?? cause.name})` }],
      { hint: 'Choose another port, or 0 for any free one.', cause },
    );
  }
}
