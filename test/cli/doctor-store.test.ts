import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { ImsvaultError } from '../../src/errors.js';
import { redact } from '../../src/redacted.js';
import type { ProviderModule, SecretProvider, SecretVersion } from '../../src/secret/provider.js';
import { write } from '../config/support.js';
import { CLIENT_ID, CLIENT_SECRET, emulated, run, workspace } from './support.js';

const slot = globalThis as { storeOfThisTest?: ProviderModule };
afterEach(() => {
  delete slot.storeOfThisTest;
});

const SECRET = JSON.stringify({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET });
const version = (value: string, rest: Partial<SecretVersion> = {}): SecretVersion => ({
  value: redact(value),
  id: '7',
  ...rest,
});

let closed = 0;

/** A store of the test's own, by the way that a third party's takes. */
async function diagnose(store: Partial<SecretProvider> | Error) {
  closed = 0;
  slot.storeOfThisTest = {
    name: 'store',
    options: { '~standard': { version: 1, vendor: 'test', validate: () => ({ value: {} }) } },
    refOptions: [],
    createProvider() {
      if (store instanceof Error) throw store;
      const rest = {
        name: 'store',
        describe: () => 'the secret "ims"',
        readSecret: async () => version(SECRET),
        close: async () => {
          closed++;
        },
      };
      return { ...rest, ...store };
    },
  };
  const cwd = await workspace('credentials: { provider: ./store.mjs, timeout: 100ms }\n');
  await write(cwd, 'store.mjs', 'export default globalThis.storeOfThisTest;\n');
  const { emulator, env } = await emulated();
  const args = ['doctor', '-o', 'json', '--config', 'imsvault.config.yaml'];
  const { code, stdout } = await run(args, { cwd, env });
  const { steps } = JSON.parse(stdout) as {
    steps: { name: string; status: string; detail: string; error?: unknown }[];
  };
  const bad = steps.find(({ status }) => status !== 'ok');
  return {
    code,
    exchanges: emulator.exchanges,
    steps: steps.map(({ name, status }) => `${name.replace('./store.mjs', 'store')} ${status}`),
    bad,
  };
}

const denied = (text: string) => new ImsvaultError('ERR_SECRET_ACCESS_DENIED', text, { hint: 'Grant it.' });
const rest = ['IMS: network ok', 'IMS: exchange skipped'];

describe('imsvault doctor at the store', () => {
  it('opens, logs in, reads, looks at the shape, and closes', async () => {
    const login = async () => 'approle at auth/approle, 59 min left';
    const serverTime = systemClock.now();
    const readSecret = async () => version(SECRET, { stage: 'CURRENT', serverTime });
    const { code, exchanges, steps } = await diagnose({ login, readSecret });
    expect({ code, exchanges, closed }).toEqual({ code: 0, exchanges: 1, closed: 1 });
    expect(steps.slice(1, 5)).toEqual(['store: open ok', 'store: login ok', 'store: read ok', 'store: shape ok']);
  });

  it('a store that cannot be opened', async () => {
    const missing = new ImsvaultError('ERR_PROVIDER_NOT_INSTALLED', 'no SDK', { hint: 'Run: npm install sdk' });
    const { code, steps, bad } = await diagnose(missing);
    expect(code).toBe(2);
    expect(steps).toEqual(['config ok', 'store: open failed', ...rest]);
    expect(bad?.error).toMatchObject({ code: 'ERR_PROVIDER_NOT_INSTALLED', hint: 'Run: npm install sdk' });
  });

  it('a login that is refused: nothing is read', async () => {
    let reads = 0;
    const { code, steps, bad } = await diagnose({
      login: () => Promise.reject(denied('role "x" refused')),
      readSecret: async () => {
        reads++;
        return version(SECRET);
      },
    });
    expect({ code, reads, closed }).toEqual({ code: 3, reads: 0, closed: 1 });
    expect(steps).toEqual(['config ok', 'store: open ok', 'store: login failed', ...rest]);
    expect(bad).toMatchObject({ detail: 'role "x" refused', error: { hint: 'Grant it.' } });
  });

  it('a read that is refused, finds nothing, or never ends', async () => {
    const refused = await diagnose({ readSecret: () => Promise.reject(denied('no right')) });
    expect(refused.code).toBe(3);
    expect(refused.steps).toEqual(['config ok', 'store: open ok', 'store: read failed', ...rest]);

    const absent = new ImsvaultError('ERR_SECRET_NOT_FOUND', 'there is no "ims"');
    const missing = await diagnose({ readSecret: () => Promise.reject(absent) });
    expect(missing).toMatchObject({ code: 3, bad: { error: { code: 'ERR_SECRET_NOT_FOUND' } } });

    const silent = await diagnose({ readSecret: () => new Promise(() => undefined) });
    expect(silent.code).toBe(5);
    expect(silent.bad).toMatchObject({
      name: './store.mjs: read',
      detail: expect.stringContaining('no answer within 100 ms'),
      error: { code: 'ERR_SECRET_UNAVAILABLE' },
    });
    expect(closed).toBe(1);
  });

  it('a secret of the wrong shape: what is missing is named, what is there is not', async () => {
    const value = JSON.stringify({ client_id: CLIENT_ID, clientSecrett: CLIENT_SECRET });
    const { code, steps, bad } = await diagnose({ readSecret: async () => version(value) });
    expect(code).toBe(3);
    expect(steps).toEqual(['config ok', 'store: open ok', 'store: read ok', 'store: shape failed', ...rest]);
    expect(bad?.error).toMatchObject({ code: 'ERR_SECRET_MALFORMED' });
    expect(bad?.detail).toContain('the secret "ims": it has no client_secret');
  });

  it('an error that is not ours keeps its text to itself', async () => {
    const { code, bad } = await diagnose({ readSecret: () => Promise.reject(new Error(`leaks ${CLIENT_SECRET}`)) });
    expect(code).toBe(5);
    expect(bad?.error).toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', hint: expect.stringContaining('its authors') });
  });

  it('a clock that is off the store’s', async () => {
    const serverTime = systemClock.now() - 45_000;
    const { code, bad } = await diagnose({ readSecret: async () => version(SECRET, { serverTime }) });
    expect(code).toBe(0);
    expect(bad).toMatchObject({ status: 'warning', detail: expect.stringMatching(/clock is 4[56] s ahead: set it/) });
  });
});
