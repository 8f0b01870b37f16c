import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createLog, type LogLevel, type LogOptions } from '../../src/observe/log.js';
import { redact } from '../../src/redacted.js';
import { buildPackage } from '../support/built.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock } from '../support/manual-clock.js';
import { markedToken } from './marked-token.js';

const SECRET = 'p8e-log-marked-secret';
const TOKEN = 'eyJhbGciOi.log-marked-token.signature';
const TIME = '2030-01-01T00:00:00.000Z';

async function setUp(options: Partial<LogOptions>) {
  const lines: string[] = [];
  const destination = (line: string) => lines.push(line);
  const log = await createLog({ format: 'json', level: 'info', destination, clock: createManualClock(), ...options });
  return { log, lines };
}

describe.each(['text', 'json'] as const)('%s', (format) => {
  it('redacts wherever a secret stands', async () => {
    const { log, lines } = await setUp({ format });
    const nested = { list: [redact(SECRET), { token: markedToken(TOKEN) }] };
    log({ level: 'error', event: 'failed', ...nested, err: new Error(SECRET, { cause: new Error(TOKEN) }) });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.match(/\[redacted\]/g)).toHaveLength(2);
    expectNoSecrets(lines.join(''), [SECRET, TOKEN]);
  });

  it.each<[LogLevel, number]>([
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
  ])('from %s upwards', async (level, count) => {
    const { log, lines } = await setUp({ format, level });
    for (const each of ['debug', 'info', 'warn', 'error'] as const) log({ level: each, event: 'x' });
    expect(lines).toHaveLength(count);
  });

  it('is one line for each record, whatever is in it', async () => {
    const { log, lines } = await setUp({ format });
    log({ level: 'info', event: 'a\nb', text: '\n2030 error forged key=1\r\u2028', 'odd key\n': 1 });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toMatch(/[\n\r]/);
  });
});

it('json: the level by its name, the clock’s time once, and nothing of the process', async () => {
  const { log, lines } = await setUp({});
  log({ level: 'warn', event: 'renewal-failed', code: 'ERR_X', time: 'forged', retryAt: 5, absent: undefined });
  expect(lines).toEqual([`{"level":"warn","time":"${TIME}","event":"renewal-failed","code":"ERR_X","retryAt":5}\n`]);
});

it('text: as people read it', async () => {
  const { log, lines } = await setUp({ format: 'text' });
  log({ level: 'info', event: 'renewed', source: 'vault', scope: ['a b'], message: 'a "b" c=d', empty: '' });
  expect(lines).toEqual([`${TIME} info  renewed source=vault scope=["a b"] message="a \\"b\\" c=d" empty=""\n`]);
});

it('works bundled, where pino is not installed', async () => {
  const built = await buildPackage({ log: 'src/observe/log.ts' });
  try {
    const program = `
      const { createLog } = await import(process.argv[1]);
      const destination = (line) => process.stdout.write(line);
      const log = await createLog({ format: 'json', level: 'info', destination, clock: { now: () => 0 } });
      log({ level: 'info', event: 'started' });`;
    const args = ['--input-type=module', '-e', program, built.file('log')];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toBe('{"level":"info","time":"1970-01-01T00:00:00.000Z","event":"started"}\n');
    expect(stderr).toBe('');
  } finally {
    await built.remove();
  }
});
