import { systemClock } from '../../clock.js';
import { parseDuration } from '../../duration.js';
import { ConfigInvalidError } from '../../errors.js';
import { createTokenManager } from '../../token/token-manager.js';
import { openTokenEngine } from '../../token-engine.js';
import { EXIT } from '../exit-codes.js';
import type { GlobalOptions, Io } from '../io.js';
import { formatToken, type TokenOutput } from '../token-output.js';

export interface TokenCommandOptions extends GlobalOptions {
  output: TokenOutput;
  /** A duration: the life that the token must still have. */
  minTtl?: string;
  force?: boolean;
}

export async function runToken(options: TokenCommandOptions, io: Io): Promise<number> {
  const minTtlMs = options.minTtl === undefined ? 0 : parseDuration(options.minTtl);
  if (minTtlMs === undefined) {
    throw new ConfigInvalidError([{ path: '--min-ttl', message: 'write a duration: 30s, 10m, 2h, or milliseconds' }]);
  }
  const engine = await openTokenEngine(options.config, {
    clock: systemClock,
    random: Math.random,
    env: io.env,
    cwd: io.cwd,
    onWarning: (message) => io.stderr(`imsvault: warning: ${message}\n`),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    ...(options.set === undefined ? {} : { set: options.set }),
  });
  try {
    let provider = '';
    const manager = createTokenManager({
      clock: systemClock,
      random: Math.random,
      renewal: engine.renewal,
      async renew(closing) {
        const renewed = await engine.renew(AbortSignal.any([closing, io.signal]));
        provider = renewed.source.provider;
        return renewed.token;
      },
    });
    const token = await manager.getToken({ forceRenew: options.force === true, minTtlMs, signal: io.signal });
    if (token.expiresAt - systemClock.now() < minTtlMs) {
      io.stderr('imsvault: warning: IMS gives tokens a shorter life than --min-ttl asks for\n');
    }
    io.stdout(formatToken(token, options.output, provider, systemClock.now()));
    return EXIT.done;
  } finally {
    await engine.close();
  }
}
