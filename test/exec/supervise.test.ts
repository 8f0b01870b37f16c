import { EventEmitter } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { supervise } from '../../src/exec/supervise.js';
import { tempFolder } from '../config/support.js';
import { until } from '../testing/over-http.js';

function start(folder: string, script: string) {
  let starts = 0;
  const child = supervise({
    command: ['/bin/sh', '-c', script, join(folder, 'file')],
    environment: () => {
      starts++;
      return process.env;
    },
    killAfterMs: 10_000,
    clock: systemClock,
    signals: Object.assign(new EventEmitter(), { platform: process.platform }) as unknown as NodeJS.Process,
  });
  return { child, starts: () => starts };
}

/** Holds up this whole process until the child has ended, so that its end is not told of yet. */
function blockUntilEnded(pidFile: string): void {
  const deadline = performance.now() + 10_000;
  const hasEnded = () => {
    const pid = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim() : '';
    return pid !== '' && /\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  };
  while (!hasEnded()) if (performance.now() > deadline) throw new Error('the child does not end');
}

const PHASES = {
  'timers run': () => new Promise((resolve) => setTimeout(resolve)),
  'events come': () => stat('/'),
  'a turn ends': () => new Promise((resolve) => setImmediate(resolve)),
};

describe.runIf(process.platform === 'linux')('a restart', () => {
  it.each(Object.entries(PHASES))(
    'is none where the child has ended by itself, asked for when %s',
    async (_, phase) => {
      const folder = await tempFolder();
      await phase();
      const { child, starts } = start(folder, 'echo $$ > "$0"; exit 3');
      blockUntilEnded(join(folder, 'file'));
      child.restart();
      expect([await child.ended, starts()]).toEqual([3, 1]);
    },
  );

  it('ends the child that runs, and starts it anew', async () => {
    const folder = await tempFolder();
    const { child, starts } = start(folder, '[ -e "$0" ] && exit 4; touch "$0"; exec sleep 20');
    await until(() => existsSync(join(folder, 'file')));
    child.restart();
    child.restart();
    expect([await child.ended, starts()]).toEqual([4, 2]);
  });
});
