import type { Clock } from '../clock.js';
import type { Env } from '../config/interpolate.js';
import type { LoadedConfig } from '../config/load-config.js';
import { ConfigInvalidError } from '../errors.js';
import type { Log } from '../observe/log.js';
import type { AgentProfiles } from './agent-profiles.js';
import { tokenRecord } from './event-records.js';
import { createProfileSet, type ProfileChanges } from './profile-set.js';
import type { Sink, SinkDeps } from './sinks/sink.js';
import { openSinks } from './sinks/sinks.js';

export interface ServedProfilesDeps {
  env: Env;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  log: Log;
}

/** The profiles of a config, and the files that follow their tokens. */
export interface ServedProfiles {
  readonly current: AgentProfiles;
  readonly sinks: readonly Sink[];
  /**
   * Takes a config over, as a whole.
   * @throws ERR_CONFIG_INVALID with every problem; everything is then as it was
   */
  apply(config: LoadedConfig): Promise<ProfileChanges>;
  close(): Promise<void>;
}

export function createServedProfiles({ env, clock, random, log }: ServedProfilesDeps): ServedProfiles {
  const profiles = createProfileSet({
    env,
    clock,
    random,
    onEvent(name, event) {
      log(tokenRecord(name, event));
      if (event.type === 'renewed') for (const sink of sinks) if (sink.settings.profile === name) void sink.refresh();
    },
    warn: (message) => log({ level: 'warn', event: 'warning', message }),
  });
  const sinkDeps: SinkDeps = {
    clock,
    random,
    log,
    tokenOf(name) {
      const provider = profiles.current.get(name);
      const token = provider?.peekToken();
      return token && { token, source: provider?.status().token?.source ?? '' };
    },
  };
  let sinks: readonly Sink[] = [];

  return {
    get current() {
      return profiles.current;
    },
    get sinks() {
      return sinks;
    },
    async apply(config) {
      checkBackground(config);
      const next = await openSinks(config.agent.sinks, sinkDeps, sinks);
      const changes = await profiles.apply(config);
      const gone = sinks.filter((sink) => !next.includes(sink));
      for (const sink of gone) sink.close();
      // A write under way would come after the first one of the sink in its place, with the old format and mode.
      const paths = new Set(next.map(({ settings }) => settings.path));
      await Promise.all(gone.filter(({ settings }) => paths.has(settings.path)).map((sink) => sink.settled()));
      sinks = next;
      for (const sink of next) if (!sink.isWritten()) void sink.refresh();
      return changes;
    },
    async close() {
      for (const sink of sinks) sink.close();
      await Promise.all(sinks.map((sink) => sink.settled()));
      await profiles.close();
    },
  };
}

/** Nobody asks for the token of a file. */
function checkBackground({ agent, profiles }: LoadedConfig): void {
  const stale = agent.sinks.filter(({ profile }) => profiles.get(profile)?.renewal.background === false);
  if (stale.length === 0) return;
  const message = (profile: string) =>
    `the profile ${profile} has renewal.background: false, so the file would go stale`;
  throw new ConfigInvalidError(stale.map(({ option, profile }) => ({ path: option, message: message(profile) })));
}
