import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createServiceNotifier } from '../../src/agent/systemd.js';
import { tempFolder } from '../config/support.js';
import { createManualClock } from '../support/manual-clock.js';
import { cleanUps, until } from '../testing/over-http.js';

const PID = 4711;

/** A systemd-notify that writes down what it is told. */
async function setUp(script: string, given: Record<string, string> = {}) {
  const folder = await tempFolder();
  const seen = join(folder, 'seen');
  writeFileSync(seen, '');
  writeFileSync(join(folder, 'systemd-notify'), script.replaceAll('SEEN', seen).replaceAll('GO', join(folder, 'go')));
  chmodSync(join(folder, 'systemd-notify'), 0o755);
  const clock = createManualClock();
  const warnings: string[] = [];
  const notifier = createServiceNotifier({
    env: {
      PATH: `${folder}${delimiter}${process.env.PATH}`,
      NOTIFY_SOCKET: '/run/x',
      VAULT_TOKEN: 'hvs.secret',
      ...given,
    },
    clock,
    monotonicUsec: () => 123_456_789n,
    pid: PID,
    warn: (message) => warnings.push(message),
  });
  return { folder, clock, warnings, notifier, lines: () => readFileSync(seen, 'utf8').split('\n').slice(0, -1) };
}

const RECORDER = '#!/bin/sh\necho "$@" "$NOTIFY_SOCKET" "$VAULT_TOKEN" >> SEEN\n';

describe.runIf(process.platform === 'linux')('systemd', () => {
  it('is told what happens, in its order, and nothing of the environment', async () => {
    const { notifier, lines } = await setUp(RECORDER);
    await Promise.all([notifier.ready(), notifier.reloading(), notifier.ready(), notifier.stopping()]);
    expect(lines()).toEqual([
      'READY=1 /run/x ',
      'RELOADING=1 MONOTONIC_USEC=123456789 /run/x ',
      'READY=1 /run/x ',
      'STOPPING=1 /run/x ',
    ]);
  });

  it('hears the watchdog at half of its time, from when the service is ready until it ends', async () => {
    const { notifier, lines, clock } = await setUp(RECORDER, { WATCHDOG_USEC: '3000000', WATCHDOG_PID: String(PID) });
    await clock.advance(10_000);
    await notifier.ready();
    await clock.advance(1499);
    expect(lines()).toHaveLength(1);
    await clock.advance(1);
    // It waits for the beat before it, and the next beat would be left out while that is told.
    await notifier.reloading();
    await clock.advance(1500);
    await until(() => lines().length === 4);
    expect(lines().map((line) => line.split(' ')[0])).toEqual(['READY=1', 'WATCHDOG=1', 'RELOADING=1', 'WATCHDOG=1']);
    notifier.close();
    expect(clock.pending).toBe(0);
  });

  it('hears one beat at a time where its program is slow', async () => {
    const { notifier, lines, clock, folder } = await setUp(`${RECORDER}while [ ! -e GO ]; do sleep 0.01; done\n`, {
      WATCHDOG_USEC: '3000000',
    });
    writeFileSync(join(folder, 'go'), '');
    await notifier.ready();
    rmSync(join(folder, 'go'));
    await clock.advance(15_000);
    await until(() => lines().length === 2);
    writeFileSync(join(folder, 'go'), '');
    await notifier.stopping();
    expect(lines().map((line) => line.split(' ')[0])).toEqual(['READY=1', 'WATCHDOG=1', 'STOPPING=1']);
    notifier.close();
  });

  it('does not watch another process', async () => {
    const { notifier, clock } = await setUp(RECORDER, { WATCHDOG_USEC: '3000000', WATCHDOG_PID: '1' });
    await notifier.ready();
    expect(clock.pending).toBe(0);
  });

  it('is not told where there is no socket', async () => {
    const { notifier, lines, clock } = await setUp(RECORDER, { NOTIFY_SOCKET: '', WATCHDOG_USEC: '3000000' });
    await notifier.ready();
    await notifier.stopping();
    expect(lines()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('that cannot be told stops nothing, and is warned of once', async () => {
    const { notifier, warnings } = await setUp('#!/bin/sh\nexit 3\n');
    await notifier.ready();
    await notifier.stopping();
    expect(warnings).toEqual(['systemd-notify failed (EXIT_3): systemd is not told how this service is']);
    const missing = await setUp(RECORDER, { PATH: '/nowhere' });
    await missing.notifier.ready();
    expect(missing.warnings).toEqual([expect.stringContaining('ENOENT')]);
  });
});

const PYTHON = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().strip().replace("\\n", " "), flush=True)
`;
/** What systemd's own program does, where it is not installed. */
const SENDER = `#!/usr/bin/env python3
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto("\\n".join(sys.argv[1:]).encode(), os.environ["NOTIFY_SOCKET"])
`;
const hasPython = spawnSync('python3', ['--version']).status === 0;

// Without python3 nothing here could bind such a socket.
it.runIf(process.platform === 'linux' && hasPython)('a real socket gets the messages', async () => {
  const folder = await tempFolder();
  const socket = join(folder, 'notify');
  const receiver = spawn('python3', ['-c', PYTHON, socket]);
  cleanUps.push(async () => receiver.kill());
  let received = '';
  receiver.stdout.on('data', (data) => {
    received += data;
  });
  await until(() => received.includes('bound'));
  const { notifier } = await setUp(SENDER, { NOTIFY_SOCKET: socket });
  await notifier.ready();
  await notifier.reloading();
  await notifier.stopping();
  await until(() => received.includes('STOPPING'));
  expect(received.split('\n').slice(1, -1)).toEqual(['READY=1', 'RELOADING=1 MONOTONIC_USEC=123456789', 'STOPPING=1']);
});
