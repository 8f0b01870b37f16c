import type { LoadedConfig } from '../config/load-config.js';
import { ConfigInvalidError } from '../errors.js';
import { FIRST_FETCHES } from './agent.js';
import { createLimit } from './limit.js';
import { createServedProfiles, type ServedProfilesDeps } from './served-profiles.js';

/**
 * Gets a token of each profile, writes all files once, and ends: for what runs before the program that reads them.
 * @throws the first error, in the order of the profiles, after everything else was done; ERR_CONFIG_INVALID without sinks
 *   and for a file that cannot be written; `signal.reason`
 */
export async function writeOnce(config: LoadedConfig, deps: ServedProfilesDeps, signal: AbortSignal): Promise<void> {
  const { log } = deps;
  for (const message of config.warnings) log({ level: 'warn', event: 'warning', message });
  if (config.agent.sinks.length === 0) {
    throw new ConfigInvalidError([{ path: 'agent.sinks', message: '--once writes these, and there are none' }]);
  }
  const served = createServedProfiles(deps);
  try {
    await served.apply(config);
    const limit = createLimit(FIRST_FETCHES);
    const { names } = served.current;
    const tokens = await Promise.allSettled(
      names.map((name) => limit(async () => served.current.get(name)?.getToken({ signal }))),
    );
    await Promise.all(served.sinks.map((sink) => sink.settled()));
    signal.throwIfAborted();
    const failed = tokens.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    const unwritten = served.sinks.filter((sink) => !sink.isWritten());
    if (unwritten.length > 0) {
      throw new ConfigInvalidError(
        unwritten.map(({ settings: { option, path } }) => ({ path: option, message: `${path} could not be written` })),
      );
    }
  } finally {
    await served.close();
  }
}
