import { systemClock } from '../../clock.js';
import { parseDuration } from '../../duration.js';
import { rotateProfile } from '../../engine/rotate-profile.js';
import { openTokenEngine } from '../../engine/token-engine.js';
import { ConfigInvalidError } from '../../errors.js';
import type { RotationOutcome } from '../../rotate/rotate.js';
import { printable } from '../../terminal-text.js';
import { EXIT } from '../exit-codes.js';
import { type GlobalOptions, type Io, loadOptions } from '../io.js';
import { printWarning } from '../print-error.js';

export interface RotateCommandOptions extends GlobalOptions {
  dryRun?: boolean;
  yes?: boolean;
  wait?: boolean;
  /** A duration. */
  waitTimeout: string;
  output: 'text' | 'json';
}

export async function runRotate(options: RotateCommandOptions, io: Io): Promise<number> {
  const { dryRun = false, output } = options;
  const waitMs = parseDuration(options.waitTimeout);
  if (waitMs === undefined) {
    throw new ConfigInvalidError([{ path: '--wait-timeout', message: 'write a duration: 30s, 10m, 2h' }]);
  }
  const say = (line: string) => {
    if (output === 'text') io.stdout(`${printable(line)}\n`);
  };
  const engine = await openTokenEngine(loadOptions(options, io), {
    clock: systemClock,
    random: Math.random,
    warn: (message) => printWarning(message, io, output),
  });
  try {
    const outcome = await rotateProfile(engine, {
      dryRun,
      waitMs: options.wait === true ? waitMs : undefined,
      confirm: (steps) => confirm(steps, options, io),
      report: (step) => say(`✓ ${step}`),
      signal: io.signal,
    });
    if (output === 'json') io.stdout(`${JSON.stringify(outcomeDocument(outcome, dryRun))}\n`);
    else if (dryRun) say(`To be done:\n${numbered(outcome.steps)}\nNothing was changed.`);
    else say(`The client ${outcome.clientId} uses the client secret ${outcome.newUuid}.`);
    return EXIT.done;
  } finally {
    await engine.close();
  }
}

/** @throws ERR_CONFIG_INVALID where nobody can be asked */
async function confirm(steps: readonly string[], { yes, output }: RotateCommandOptions, io: Io): Promise<boolean> {
  if (yes === true) return true;
  if (io.confirm === undefined || output === 'json') {
    throw new ConfigInvalidError(
      [{ path: '--yes', message: 'a client secret will be deleted, and nobody can be asked' }],
      { hint: 'Look with --dry-run, then run it with --yes.' },
    );
  }
  io.stderr(printable(`To be done:\n${numbered(steps)}\n`));
  return io.confirm('Go on?');
}

const numbered = (steps: readonly string[]) => steps.map((step, index) => `  ${index + 1}. ${step}`).join('\n');

function outcomeDocument(outcome: RotationOutcome, dryRun: boolean): Record<string, unknown> {
  return {
    ...(dryRun ? { dry_run: true } : { rotated: true }),
    resumed: outcome.resumed,
    client_id: outcome.clientId,
    old_uuid: outcome.oldUuid,
    ...(outcome.newUuid === undefined ? {} : { new_uuid: outcome.newUuid }),
    ...(outcome.orphanUuid === undefined ? {} : { orphan_uuid: outcome.orphanUuid }),
    ...(dryRun ? { steps: outcome.steps } : {}),
  };
}
