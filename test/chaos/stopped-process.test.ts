import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emulated } from '../cli/support.js';
import { type BuiltPackage, buildPackage } from '../support/built.js';
import { memoryFolder } from './support/memory-folder.js';
import { record } from './support/reliability.js';

const LIFE_SECONDS = 3;
const STOP_MS = 9000;
/** A stopped process's lock counts as dead after 5 s. */
const DEAD_LOCK_MS = 7000;
/** Of a call, on a machine that does other things too. */
const MAX_CALL_MS = 15_000;

/** Asks again and again; tells of each call how long the token still lives by what IMS wrote into it. */
const PROGRAM = `
  import { setTimeout as sleep } from 'node:timers/promises';
  import { createTokenProvider } from './library.mjs';
  const provider = createTokenProvider({ credentials: { provider: 'env' }, cache: process.env.CACHE === 'on' });
  const endOf = ({ accessToken }) => {
    const claims = JSON.parse(Buffer.from(accessToken.split('.')[1], 'base64url').toString());
    return Number(claims.created_at) + Number(claims.expires_in);
  };
  for (;;) {
    const askedAt = Date.now();
    const answer = await provider.getToken().then((token) => ({ leftMs: endOf(token) - Date.now() }), ({ code, message }) => ({ code, message }));
    console.log(JSON.stringify({ ...answer, tookMs: Date.now() - askedAt, at: Date.now() }));
    await sleep(20);
  }
`;

interface Answer {
  leftMs?: number;
  code?: string;
  tookMs: number;
  at: number;
}

let built: BuiltPackage;
beforeAll(async () => {
  built = await buildPackage({ library: 'src/index.ts' });
  await built.install('undici');
  await writeFile(join(built.file('library'), '../program.mjs'), PROGRAM);
});
afterAll(() => built?.remove());

async function until(condition: () => boolean): Promise<void> {
  for (const endsAt = Date.now() + 40_000; !condition(); ) {
    if (Date.now() > endsAt) throw new Error(`it did not come: ${condition}`);
    await sleep(20);
  }
}

function startProgram(env: Readonly<Record<string, string>>, children: ChildProcess[]) {
  const child = spawn(process.execPath, [join(built.file('library'), '../program.mjs')], {
    cwd: env.HOME,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const answers: Answer[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => answers.push(JSON.parse(line)));
  return { child, answers };
}

describe.skipIf(process.platform === 'win32')('a process that is stopped (SIGSTOP) past the end of its token', () => {
  const cells = (['off', 'on'] as const).flatMap((cache) =>
    (['cold', 'warm', 'renewing'] as const).map((phase) => ({ cache, phase })),
  );

  async function runCell({ cache, phase }: (typeof cells)[number], folder: string): Promise<void> {
    const { emulator, env } = await emulated({ expiresInSeconds: LIFE_SECONDS });
    const children: ChildProcess[] = [];
    try {
      const given = { ...env, CACHE: cache, IMSVAULT_CACHE: cache, XDG_RUNTIME_DIR: folder, HOME: folder };
      emulator.fail({ kind: 'latency', ms: 200 });
      const stopped = startProgram(given, children);
      // With a cache another process goes on beside it.
      const beside = cache === 'on' ? startProgram(given, children) : undefined;
      await until(() => (phase === 'cold' ? emulator.requests.length > 0 : stopped.answers.length > 5));
      const { length: asked } = emulator.requests;
      if (phase === 'renewing') await until(() => emulator.requests.length > asked);
      stopped.child.kill('SIGSTOP');
      const stoppedAt = Date.now();
      await sleep(STOP_MS);
      const [before, continuedAt] = [stopped.answers.length, Date.now()];
      stopped.child.kill('SIGCONT');
      await until(() => stopped.answers.filter(({ leftMs }) => leftMs !== undefined).length > before + 20);
      const elapsedMs = Date.now() - stoppedAt + 2 * LIFE_SECONDS * 1000;

      const all = [...stopped.answers, ...(beside?.answers ?? [])];
      // The one token that was held already may be handed out, and the process be stopped before it looks at the clock.
      const isOnItsWay = ({ leftMs = 0, tookMs }: Answer) =>
        phase !== 'cold' && tookMs > STOP_MS && leftMs + tookMs > 0;
      expect(
        all.filter((answer) => (answer.leftMs ?? 1) <= 0 && !isOnItsWay(answer)),
        phase,
      ).toEqual([]);
      expect(all.filter(({ tookMs }) => tookMs > MAX_CALL_MS + STOP_MS)).toEqual([]);
      expect(all.filter(({ code }) => code !== undefined)).toEqual([]);
      if (beside !== undefined) {
        expect(beside.answers.filter(({ tookMs }) => tookMs > MAX_CALL_MS)).toEqual([]);
        const meanwhile = beside.answers.filter(({ at }) => at > stoppedAt + DEAD_LOCK_MS && at < continuedAt);
        expect(meanwhile.length).toBeGreaterThan(3);
      }
      // Not for each of the hundreds of calls.
      expect(emulator.exchanges).toBeLessThanOrEqual((children.length * elapsedMs) / (0.8 * LIFE_SECONDS * 1000) + 2);
    } finally {
      for (const child of children) {
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
    }
  }

  it('goes on with a token that lives', { timeout: 120_000 }, async (context) => {
    await Promise.all(cells.map((cell) => runCell(cell, memoryFolder())));
    for (const { cache, phase } of cells) {
      record(context, {
        ...{ section: 'stopped-process', fault: 'SIGSTOP, and SIGCONT when the token has ended (a real process)' },
        ...{ provider: cache === 'on' ? 'machine cache' : 'one process', phase },
        ...{ sees: 'a token that lives', within: '15 s of running' },
        kept: `no expired token served, no flood of exchanges${cache === 'on' ? '; the process beside it has a token 7 s later' : ''}`,
      });
    }
  });
});
