import { systemClock } from '../../clock.js';
import { parseDuration } from '../../duration.js';
import { openTokenEngine } from '../../engine/token-engine.js';
import { ConfigInvalidError } from '../../errors.js';
import { createTokenManager } from '../../token/token-manager.js';
import { EXIT } from '../exit-codes.js';
import { type GlobalOptions, type Io, loadOptions } from '../io.js';
import { printWarning } from '../print-error.js';
import { formatToken, type TokenOutput } from '../token-output.js';

export interface TokenCommandOptions extends GlobalOptions {
  output: TokenOutput;
  /** A duration: the life that the token must still have. */
  minTtl?: string;
  force?: boolean;
  /** False: `--no-cache`. */
  cache: boolean;
}

export async function runToken(options: TokenCommandOptions, io: Io): Promise<number> {
  const minTtlMs = options.minTtl === undefined ? 0 : parseDuration(options.minTtl);
  if (minTtlMs === undefined) {
    throw new ConfigInvalidError([{ path: '--min-ttl', message: 'write a duration: 30s, 10m, 2h, or milliseconds' }]);
  }
  const engine = await openTokenEngine(loadOptions(options, io), {
    clock: systemClock,
    random: Math.random,
    warn: (message) => printWarning(message, io, options.output),
    useCache: (configured) => options.cache && configured !== false,
  });
  try {
    const manager = createTokenManager({
      clock: systemClock,
      random: Math.random,
      renewal: { ...engine.renewal, background: false },
      renew: (request, closing) => engine.renew(request, AbortSignal.any([closing, io.signal])),
    });
    const token = await manager.getToken({ forceRenew: options.force === true, minTtlMs, signal: io.signal });
    if (options.minTtl !== undefined && token.expiresAt - systemClock.now() < minTtlMs) {
      printWarning('IMS gives tokens a shorter life than --min-ttl asks for', io, options.output);
    }
    const source = manager.status().token?.source ?? '';
    io.stdout(formatToken(token, options.output, source, systemClock.now(), io.env));
    return EXIT.done;
  } finally {
    await engine.close();
  }
}
