import type { Clock } from '../../clock.js';
import type { ServedSink } from '../../config/load-config.js';
import { vendorCause } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import { builtInFormat, type SinkToken } from './sink-content.js';
import { openSinkFile } from './sink-file.js';
import { templateFormat } from './template.js';

export interface SinkDeps {
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  log: Log;
  /** The token that a profile holds now. */
  tokenOf: (profile: string) => Omit<SinkToken, 'now' | 'profile'> | undefined;
}

/** A file that follows a profile's token. */
export interface Sink {
  readonly settings: ServedSink;
  /** Writes the token that is held now; one that cannot be written is tried again. Never rejects. */
  refresh(): Promise<void>;
  /** Whether the file holds the newest token that this sink was told of. */
  isWritten(): boolean;
  /** Waits for a write under way. */
  settled(): Promise<void>;
  close(): void;
}

const BASE_DELAY_MS = 1000;
const MAX_DELAY_MS = 60_000;

/** @throws ERR_CONFIG_INVALID for what cannot work: a folder that is not there, a template that is none */
export async function openSink(settings: ServedSink, { clock, random, log, tokenOf }: SinkDeps): Promise<Sink> {
  const { profile, path, template, option } = settings;
  const file = await openSinkFile(settings);
  const format =
    template === undefined ? builtInFormat(settings) : await templateFormat(template, `${option}.template`);
  let writing: Promise<void> | undefined;
  /** A newer token came while one was written. */
  let again = false;
  let written = false;
  let failures = 0;
  let closed = false;
  let cancel = (): void => undefined;

  async function write(): Promise<void> {
    cancel();
    const from = tokenOf(profile);
    if (from === undefined || closed) return;
    try {
      await file.write(format({ ...from, profile, now: clock.now() }));
      written = true;
      failures = 0;
      log({ level: 'info', event: 'sink-written', profile, path });
    } catch (error) {
      // A template's error may quote the token.
      const { code, name } = vendorCause(error);
      const template = code === undefined ? settings.template : undefined;
      log({ level: 'error', event: 'sink-failed', profile, path, ...(template && { template }), error: code ?? name });
      const bound = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** failures++);
      if (!closed) cancel = clock.setTimer(() => void refresh(), bound / 2 + (random() * bound) / 2);
    }
  }

  /** One after the other: an older token must not come last. */
  async function writeAll(): Promise<void> {
    do {
      again = false;
      await write();
    } while (again);
    // Here, so that no token falls between the last look and the end.
    writing = undefined;
  }

  function refresh(): Promise<void> {
    written = false;
    again = true;
    writing ??= writeAll();
    return writing;
  }

  return {
    settings,
    refresh,
    isWritten: () => written,
    settled: async () => writing,
    close() {
      closed = true;
      cancel();
    },
  };
}
