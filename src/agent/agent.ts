import type { Clock } from '../clock.js';
import type { Env } from '../config/interpolate.js';
import type { LoadedConfig } from '../config/load-config.js';
import { formatListenAddress } from '../net/listen-address.js';
import type { Log } from '../observe/log.js';
import { stampOf } from '../token/cache/facts.js';
import { type AgentServer, startAgentServer } from './agent-server.js';
import { refusalRecord, unchangeable } from './event-records.js';
import { createFirstTokens } from './first-tokens.js';
import { createLimit } from './limit.js';
import type { ProfileChanges } from './profile-set.js';
import { createReloader } from './reload.js';
import { createServedProfiles } from './served-profiles.js';
import { readTls, serverOptions } from './server-options.js';
import type { ServiceNotifier } from './systemd.js';
import { watchFile } from './watch-file.js';

export interface AgentOptions {
  /**
   * Finds and reads the config, flags included.
   * @param reload 0 for the first time; rises
   */
  load(reload: number): Promise<LoadedConfig>;
  env: Env;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  log: Log;
  notifier: ServiceNotifier;
}

export interface Agent {
  /** Reads the config again, and takes it if nothing is wrong with it. */
  reload(): void;
  /**
   * Takes no new requests, and lets those under way end.
   * @returns false when some had not ended after `graceMs` milliseconds, and were cut off
   */
  stop(graceMs: number): Promise<boolean>;
}

/** First fetches at once, over all profiles. */
export const FIRST_FETCHES = 16;

/** @throws ERR_CONFIG_INVALID for a config, an address or a file; nothing is left open then */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { load, env, clock, random, log, notifier } = options;
  let config = await load(0);
  for (const message of config.warnings) log({ level: 'warn', event: 'warning', message });
  const served = createServedProfiles({ env, clock, random, log });
  const firstTokens = createFirstTokens({ clock, random, limit: createLimit(FIRST_FETCHES) });
  const fetching = new Map<string, () => void>();
  const reloader = createReloader(reload);
  let reloads = 0;
  let unwatch = (): void => undefined;

  function fetchFirst({ opened, closed }: ProfileChanges): void {
    for (const name of closed) {
      fetching.get(name)?.();
      fetching.delete(name);
    }
    for (const name of opened) {
      const provider = served.current.get(name);
      if (provider !== undefined) fetching.set(name, firstTokens.fetch(provider));
    }
  }

  async function watchFiles(): Promise<void> {
    unwatch();
    const { file, stamp } = config;
    const { certFile, keyFile } = config.agent.tls ?? {};
    const files = [file, certFile, keyFile].filter((one) => one !== undefined);
    const ends = await Promise.all(files.map((one) => watchFile(one, clock, reloader.request)));
    unwatch = () => {
      for (const end of ends) end();
    };
    // It may have changed since it was read.
    if (file !== undefined && stampOf(file) !== stamp) reloader.request();
  }

  async function reload(): Promise<void> {
    await notifier.reloading();
    try {
      const next = await load(++reloads);
      const tls = config.agent.tls && (await readTls(config.agent.tls));
      const changes = await served.apply(next);
      if (tls !== undefined) server.setTls(tls);
      fetchFirst(changes);
      const needRestart = unchangeable(config.agent, next.agent);
      const moved = next.file !== config.file;
      // What was not taken is still to be told of at the next reload.
      config = { ...next, agent: { ...config.agent, sinks: next.agent.sinks } };
      for (const message of next.warnings) log({ level: 'warn', event: 'warning', message });
      if (needRestart.length > 0) {
        log({ level: 'warn', event: 'restart-needed', options: needRestart.map((key) => `agent.${key}`) });
      }
      const { kept, opened, closed } = changes;
      log({ level: 'info', event: 'config-reloaded', kept: kept.length, opened: opened.length, closed: closed.length });
      if (moved) await watchFiles();
    } catch (error) {
      log(refusalRecord(error));
    }
    await notifier.ready();
  }

  let server: AgentServer;
  try {
    const changes = await served.apply(config);
    server = await startAgentServer({
      ...(await serverOptions(config.agent, env, {
        clock,
        warn: (message) => log({ level: 'warn', event: 'warning', message }),
      })),
      profiles: () => served.current,
    });
    fetchFirst(changes);
  } catch (error) {
    await served.close();
    throw error;
  }
  await watchFiles();
  log({
    level: 'info',
    event: 'listening',
    addresses: server.addresses.map(formatListenAddress),
    ...(server.healthAddresses.length === 0 ? {} : { health: server.healthAddresses.map(formatListenAddress) }),
    profiles: served.current.names.length,
  });
  await notifier.ready();

  return {
    reload: reloader.request,
    async stop(graceMs) {
      log({ level: 'info', event: 'stopping' });
      const told = notifier.stopping();
      const begunAt = clock.monotonic();
      const closing = server.close(graceMs);
      // A reload under way may open profiles, and watch another file.
      await reloader.close();
      unwatch();
      for (const end of fetching.values()) end();
      await closing;
      const inTime = clock.monotonic() - begunAt < graceMs;
      await served.close();
      await told;
      notifier.close();
      log({ level: 'info', event: 'stopped', in_time: inTime });
      return inTime;
    },
  };
}
