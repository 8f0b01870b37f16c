import { resolve } from 'node:path';
import { type Agent, type AgentOptions, startAgent } from '../../agent/agent.js';
import { writeOnce } from '../../agent/once.js';
import { createServiceNotifier } from '../../agent/systemd.js';
import { stopYoungGeneration } from '../../agent/young-generation.js';
import { systemClock } from '../../clock.js';
import { resolveAddress } from '../../config/agent-block.js';
import { type LoadedConfig, loadConfig } from '../../config/load-config.js';
import { ConfigInvalidError } from '../../errors.js';
import { createLog, type LogFormat, type LogLevel } from '../../observe/log.js';
import { EXIT } from '../exit-codes.js';
import { aborted, type GlobalOptions, Interrupted, type Io } from '../io.js';

export interface ServeCommandOptions extends Omit<GlobalOptions, 'profile'> {
  /** Empty: all. */
  profiles: readonly string[];
  listen?: readonly string[];
  healthListen?: readonly string[];
  allowRemote?: boolean;
  tokenFile?: string;
  /** Octal. */
  tokenFileMode?: string;
  group?: string;
  once?: boolean;
  logFormat: LogFormat;
  logLevel: LogLevel;
}

/** How long requests under way may go on when the agent is stopped, in milliseconds. */
const GRACE_MS = 30_000;

/** Serves until it is stopped; that is how it ends well. */
export async function runServe(options: ServeCommandOptions, io: Io): Promise<number> {
  stopYoungGeneration();
  const { env, cwd, signal } = io;
  const { config: configPath, set, profiles } = options;
  const { logFormat: format, logLevel: level } = options;
  const log = await createLog({ format, level, destination: io.stderr, clock: systemClock });
  const load = async (reload: number) => {
    const given = { ...(configPath === undefined ? {} : { configPath }), ...(set === undefined ? {} : { set }) };
    return withFlags(await loadConfig({ ...given, env, cwd, profiles, reload }), options, cwd);
  };
  const deps = { env, clock: systemClock, random: Math.random, log };
  if (options.once === true) {
    await writeOnce(await load(0), deps, signal);
    return EXIT.done;
  }
  const notifier = createServiceNotifier({
    env,
    clock: systemClock,
    monotonicUsec: () => process.hrtime.bigint() / 1000n,
    pid: process.pid,
    warn: (message) => log({ level: 'warn', event: 'warning', message }),
  });
  return serve({ ...deps, load, notifier }, io);
}

async function serve(options: AgentOptions, { signal, onHangup }: Io): Promise<number> {
  let agent: Agent | undefined;
  // From the start: a signal that came too early would end the process.
  onHangup?.(() => agent?.reload());
  agent = await startAgent(options);
  await aborted(signal);
  if (await agent.stop(GRACE_MS)) return EXIT.done;
  return signal.reason instanceof Interrupted && signal.reason.signalName === 'SIGTERM'
    ? EXIT.terminated
    : EXIT.interrupted;
}

/** Flags go before the config; their paths start at the working directory. */
function withFlags(config: LoadedConfig, options: ServeCommandOptions, cwd: string): LoadedConfig {
  const { listen, healthListen, allowRemote, tokenFile, tokenFileMode, group } = options;
  if (tokenFileMode !== undefined && !/^0?[0-7]{3}$/.test(tokenFileMode)) {
    throw new ConfigInvalidError([{ path: '--token-file-mode', message: 'write an octal number: 0640' }]);
  }
  const agent = {
    ...config.agent,
    ...(listen === undefined ? {} : { listen: listen.map((address) => resolveAddress(address, cwd)) }),
    ...(healthListen === undefined ? {} : { healthListen: healthListen.map((one) => resolveAddress(one, cwd)) }),
    ...(allowRemote === undefined ? {} : { allowRemote }),
    ...(tokenFile === undefined ? {} : { tokenFile: resolve(cwd, tokenFile) }),
    ...(tokenFileMode === undefined ? {} : { tokenFileMode: Number.parseInt(tokenFileMode, 8) }),
    ...(group === undefined ? {} : { group }),
  };
  return { ...config, agent };
}
