import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { createAccessTokenGenerator } from '../../src/aio/access-token-generator.js';
import { type Clock, systemClock } from '../../src/clock.js';
import type { ImsEmulatorOptions } from '../../src/testing/index.js';
import { CLIENT_ID, CLIENT_SECRET, emulated } from '../cli/support.js';
import { buildPackage } from '../support/built.js';
import { createManualClock } from '../support/manual-clock.js';

const params = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, orgId: 'ABC@AdobeOrg', scopes: ['openid'] };

async function setUp(clock: Clock = systemClock, options: ImsEmulatorOptions = {}) {
  const { emulator } = await emulated({ clock, ...options });
  const { tokenEndpoint } = emulator;
  const endpoints = { prod: tokenEndpoint, stage: tokenEndpoint };
  return { emulator, ...createAccessTokenGenerator({ env: {}, clock, random: () => 0, warn: vi.fn(), endpoints }) };
}

/** The machine's timers, so that requests end, and a wall that a test moves. */
function movableClock() {
  let ahead = 0;
  const clock: Clock = {
    now: () => systemClock.now() + ahead,
    monotonic: () => systemClock.monotonic() + ahead,
    setTimer: systemClock.setTimer,
  };
  return { clock, move: (ms: number) => (ahead += ms) };
}

describe('the life of a token', () => {
  it('is served until its end is near, with the seconds that are left', async () => {
    const { clock, move } = movableClock();
    const { emulator, generateAccessToken } = await setUp(clock);
    const first = await generateAccessToken(params);
    move(60 * 60_000);
    const later = await generateAccessToken(params);
    expect(later.access_token).toBe(first.access_token);
    expect(first.expires_in - later.expires_in).toBeGreaterThanOrEqual(3599);
    expect(first.expires_in - later.expires_in).toBeLessThanOrEqual(3602);
    move(86_399_000 - 61 * 60_000);
    expect((await generateAccessToken(params)).access_token).not.toBe(first.access_token);
    expect(emulator.exchanges).toBe(2);
  });

  it('is over with a life shorter than five minutes, too', async () => {
    const { clock, move } = movableClock();
    const { emulator, generateAccessToken } = await setUp(clock, { expiresInSeconds: 60 });
    await generateAccessToken(params);
    move(58_000);
    expect((await generateAccessToken(params)).expires_in).toBeGreaterThan(50);
    expect(emulator.exchanges).toBe(2);
  });

  it('needs no timer', async () => {
    const clock = createManualClock(Date.now());
    const { generateAccessToken } = await setUp(clock);
    await generateAccessToken(params);
    expect(clock.pending).toBe(0);
  });
});

describe('which token is whose', () => {
  it('each part of the identity makes another; a wrong secret never gets the right one’s', async () => {
    const { emulator, generateAccessToken } = await setUp();
    await generateAccessToken(params);
    for (const other of [{ orgId: 'DEF@AdobeOrg' }, { scopes: ['AdobeID'] }, { scopes: ['AdobeID', 'openid'] }]) {
      await generateAccessToken({ ...params, ...other });
    }
    expect(emulator.exchanges).toBe(4);
    for (const other of [{ clientSecret: 'wrong' }, { clientId: 'other' }]) {
      await expect(generateAccessToken({ ...params, ...other })).rejects.toMatchObject({
        code: 'ERR_TOKEN_REQUEST_REJECTED',
      });
    }
  });

  it('an answer is the caller’s own to change', async () => {
    const { generateAccessToken } = await setUp();
    const answer = await generateAccessToken(params);
    const { access_token } = answer;
    answer.access_token = 'changed';
    expect((await generateAccessToken(params)).access_token).toBe(access_token);
  });

  it('the thousand that were asked for last are kept', async () => {
    const { emulator, generateAccessToken } = await setUp();
    const ask = (number: number) => generateAccessToken({ ...params, orgId: `${number}@AdobeOrg` });
    for (let number = 0; number < 1000; number++) await ask(number);
    await ask(0);
    expect(emulator.exchanges).toBe(1000);
    await ask(1000);
    await ask(0);
    expect(emulator.exchanges).toBe(1001);
    await ask(1);
    expect(emulator.exchanges).toBe(1002);
  });

  it('forgets all on demand; who waits meanwhile gets a token', async () => {
    const { emulator, generateAccessToken, invalidateCache } = await setUp();
    const waiting = generateAccessToken(params);
    invalidateCache();
    const next = await generateAccessToken(params);
    expect(emulator.issuedTokens()).toContain((await waiting).access_token);
    expect(emulator.exchanges).toBe(2);
    invalidateCache();
    expect((await generateAccessToken(params)).access_token).not.toBe(next.access_token);
  });
});

const PROGRAM = `
const [generator, clock, endpoint, params] = process.argv.slice(1);
const { createAccessTokenGenerator } = await import(generator);
const { systemClock } = await import(clock);
const endpoints = { prod: endpoint, stage: endpoint };
const deps = { env: {}, clock: systemClock, random: Math.random, warn: console.error, endpoints };
const { access_token } = await createAccessTokenGenerator(deps).generateAccessToken(JSON.parse(params));
console.log(access_token);
`;

it('keeps no process alive, though it has no close', async () => {
  const { emulator } = await emulated();
  const built = await buildPackage({ generator: 'src/aio/access-token-generator.ts', clock: 'src/clock.ts' });
  try {
    await built.install('undici');
    const files = [built.file('generator'), built.file('clock')];
    const args = ['--input-type=module', '-e', PROGRAM, ...files, emulator.tokenEndpoint, JSON.stringify(params)];
    // The connection to IMS is kept for 30 s, and the token for a day.
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 10_000 });
    expect(stdout).toBe(`${emulator.issuedTokens()[0]}\n`);
  } finally {
    await built.remove();
  }
}, 20_000);
