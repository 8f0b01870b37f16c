import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { ask, fakeProvider, profilesOf, startAgent, type TestAgent } from '../agent/support.js';
import { fakeToken } from '../support/fake-token.js';
import { createManualClock } from '../support/manual-clock.js';

/** Kept where the variable names a folder, to look at. */
const shots = process.env.IMSVAULT_SCREENSHOTS ?? mkdtempSync(join(tmpdir(), 'imsvault-page-'));
let browser: Browser;

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim(),
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
});

afterAll(async () => {
  await browser?.close();
  if (process.env.IMSVAULT_SCREENSHOTS === undefined) rmSync(shots, { recursive: true, force: true });
});

/** A page without JavaScript, and what it complained of. */
async function openPage(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ javaScriptEnabled: false, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
  return { page, complaints };
}

async function link(agent: TestAgent): Promise<string> {
  return (await ask(agent.addresses[0], '/v1/web-code', { method: 'POST' })).json.url;
}

/** One profile of each kind. */
async function startMixed(): Promise<TestAgent> {
  const clock = createManualClock();
  const start = clock.now();
  const kinds = {
    'fusion-prod': { life: 86_400, age: 0.1 },
    'fusion-stage': { life: 86_400, age: 0.5 },
    'renewal-due': { life: 86_400, age: 0.87 },
    'renewal-failed': { life: 86_400, age: 0.88 },
    expired: { life: 86_400, age: 0.9995 },
    'no-token': undefined,
    'not-used-yet': undefined,
    'a-profile-with-a-name-that-is-longer-than-anybody-would-wish-for-<b>': { life: 3600, age: 0.3 },
  };
  const providers = Object.entries(kinds).map(([name, kind]) => ({ name, kind, provider: fakeProvider(clock) }));
  for (const { kind, provider } of providers) {
    if (kind === undefined) continue;
    provider.renew = async () => fakeToken(start - kind.age * kind.life * 1000, kind.life);
    await provider.getToken();
  }
  const fail = async (name: string, error: ImsvaultError) => {
    const found = providers.find((one) => one.name === name)?.provider;
    if (found === undefined) throw new Error(name);
    found.renew = () => Promise.reject(error);
    await found.getToken().catch(() => undefined);
  };
  await fail(
    'renewal-failed',
    new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'ims-na1.adobelogin.com did not answer within 10 s', {
      hint: 'Check the network and the proxy variables: imsvault doctor.',
    }),
  );
  clock.jump(90_000);
  const denied = new ImsvaultError(
    'ERR_SECRET_ACCESS_DENIED',
    'vault: 403 at secret/data/fusion <script>alert(1)</script>',
    {
      hint: 'Grant the policy read on secret/data/fusion.',
    },
  );
  await fail('no-token', denied);
  const profiles = profilesOf(Object.fromEntries(providers.map(({ name, provider }) => [name, provider])));
  return { ...(await startAgent({ profiles: () => profiles, clock })), clock };
}

describe('the status page in Chromium', () => {
  it('opens by the link, once, and needs no script', async () => {
    const agent = await startMixed();
    const { page, complaints } = await openPage({ viewport: { width: 1200, height: 900 } });
    const url = await link(agent);
    await page.goto(url);
    expect(new URL(page.url()).pathname).toBe('/');
    await expect.poll(() => page.getByRole('rowheader').count()).toBe(8);
    expect(await page.getByRole('img', { name: '89.9 % of its life left' }).count()).toBe(1);
    await page.getByRole('searchbox', { name: 'Profile' }).fill('FUSION');
    await page.getByRole('button', { name: 'Find' }).click();
    expect(await page.getByRole('rowheader').allTextContents()).toEqual(['fusion-prod', 'fusion-stage']);
    expect(complaints).toEqual([]);

    await page.goto(url);
    expect(await page.textContent('main')).toContain('used already');
    const stranger = await openPage();
    await stranger.page.goto(new URL('/', url).href);
    expect(await stranger.page.textContent('main')).toContain('imsvault status --web');
  });

  it('refreshes by itself', async () => {
    const agent = await startMixed();
    const { page } = await openPage();
    await page.goto(await link(agent));
    const before = await page.getByRole('time').getAttribute('datetime');
    agent.clock.jump(3_600_000);
    await expect.poll(() => page.getByRole('time').getAttribute('datetime'), { timeout: 20_000 }).not.toBe(before);
    await page.getByRole('link', { name: /Stop the refresh/ }).click();
    expect(await page.locator('meta[http-equiv]').count()).toBe(0);
  });

  it('lets a script read nothing, whatever page it is on', async () => {
    const agent = await startMixed();
    const { page } = await openPage({ javaScriptEnabled: true });
    await page.goto(await link(agent));
    expect(await page.evaluate('document.cookie')).toBe('');
    const at = agent.addresses[0];
    const origin = at?.kind === 'tcp' ? `http://127.0.0.1:${at.port}` : '';
    // Another origin on this machine, as a page on another port is.
    const other = await startMixed();
    const foreign = other.addresses[0]?.kind === 'tcp' ? `http://localhost:${other.addresses[0].port}/` : '';
    const elsewhere = await page.context().newPage();
    await elsewhere.goto(foreign);
    const tried = await elsewhere.evaluate(async (target) => {
      const attempts = [{}, { mode: 'no-cors' }, { headers: { 'X-Imsvault-Token': 'x' } }] as RequestInit[];
      return Promise.all(
        attempts.map((init) =>
          fetch(`${target}/v1/token`, init).then(
            (response) => response.text(),
            () => 'blocked',
          ),
        ),
      );
    }, origin);
    for (const text of tried) expect(['blocked', '']).toContain(text);
  });

  it.each([
    ['light', { viewport: { width: 1200, height: 900 } }],
    ['dark', { colorScheme: 'dark', viewport: { width: 1200, height: 900 } }],
    ['narrow', { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 }],
  ] as const)('fits a %s screen and those who do not see it', async (name, options) => {
    const agent = await startMixed();
    const { page } = await openPage({ ...options, javaScriptEnabled: true });
    await page.goto(await link(agent));
    await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    // Its refresh can be stopped, which the rule about refreshes cannot see.
    await page.getByRole('link', { name: /Stop the refresh/ }).click();
    await page.evaluate(axe.source);
    const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });

  it('stays quick with a thousand profiles', async () => {
    const clock = createManualClock();
    const providers = Array.from({ length: 1000 }, (_, index) => [`team-${index}`, fakeProvider(clock)] as const);
    for (const [, provider] of providers) await provider.getToken();
    const profiles = profilesOf(Object.fromEntries(providers));
    const agent = await startAgent({ profiles: () => profiles, clock });
    const { page } = await openPage({ viewport: { width: 1200, height: 900 } });
    await page.goto(await link(agent));
    await page.screenshot({ path: join(shots, 'thousand.png') });
    await page.getByRole('link', { name: 'Next' }).click();
    expect(await page.getByRole('rowheader').first().textContent()).toBe('team-100');
  });
});
