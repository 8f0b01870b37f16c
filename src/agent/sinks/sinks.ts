import { isDeepStrictEqual } from 'node:util';
import type { ServedSink } from '../../config/load-config.js';
import { ConfigInvalidError, type ConfigProblem } from '../../errors.js';
import { openSink, type Sink, type SinkDeps } from './sink.js';

/**
 * The sinks of a config. Those that another config had too go on as they are.
 * @param before of the other config; whoever takes the new ones closes those that are not among them
 * @throws ERR_CONFIG_INVALID with every problem; no token was written then
 */
export async function openSinks(
  settings: readonly ServedSink[],
  deps: SinkDeps,
  before: readonly Sink[] = [],
): Promise<readonly Sink[]> {
  const known = new Map(before.map((sink) => [sink.settings.path, sink]));
  const paths = new Map<string, string>();
  const sinks: Sink[] = [];
  const problems: ConfigProblem[] = [];
  for (const one of settings) {
    const other = paths.get(one.path);
    if (other !== undefined) problems.push({ path: `${one.option}.path`, message: `is that of ${other} too` });
    paths.set(one.path, one.option);
    try {
      const same = known.get(one.path);
      sinks.push(same !== undefined && isSame(same.settings, one) ? same : await openSink(one, deps));
    } catch (error) {
      if (!(error instanceof ConfigInvalidError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new ConfigInvalidError(problems);
  return sinks;
}

/** Where it stands in the config is no matter; the text of a template may have changed. */
function isSame(a: ServedSink, b: ServedSink): boolean {
  return a.template === undefined && isDeepStrictEqual({ ...a, option: '' }, { ...b, option: '' });
}
