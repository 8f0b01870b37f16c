import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { html } from '../../src/agent/html.js';
import { parsePageQuery, statusPage } from '../../src/agent/status-page.js';
import { ImsvaultError } from '../../src/errors.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock } from '../support/manual-clock.js';
import { ask, fakeProvider, profilesOf, startAgent } from './support.js';

describe('html', () => {
  it('escapes each part that is not HTML', () => {
    const part = html`<b title="${`"'`}">${'<i>&'}</b>`;
    expect(part.html).toBe('<b title="&quot;&#39;">&lt;i&gt;&amp;</b>');
    expect(html`${[part, part]}${7}`.html).toBe(`${part.html}${part.html}7`);
  });
});

describe('the page', () => {
  it('shows each profile, its source, life and renewals, and no token', async () => {
    const { addresses, clock, main, other } = await startAgent();
    await main.getToken();
    await clock.advance(3_600_000);
    other.renew = () => Promise.reject(new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no', { hint: 'Grant read.' }));
    await other.getToken().catch(() => undefined);
    const { status, headers, text } = await ask(addresses[0], '/');
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    for (const part of [
      '<th scope="row">main</th>',
      '>usable</span>',
      'aria-label="95.8 % of its life left"',
      '23 h 0 min left',
      '>vault<span class="quiet">client</span>',
      '>60 min ago<',
      '1 done, 0 failed',
      '<th scope="row">other</th>',
      '<span class="pill bad">no token</span>',
      '<code>ERR_SECRET_ACCESS_DENIED</code>: no',
      '→ Grant read.',
      '<li class="pill bad">1 without a token</li>',
      '<li class="pill good">1 usable</li>',
    ]) {
      expect(text).toContain(part);
    }
    // Who needs somebody comes first.
    expect(text.indexOf('>other<')).toBeLessThan(text.indexOf('>main<'));
    expectNoSecrets(text, [main.peekToken()?.accessToken ?? '']);
  });

  it('lets nothing in but its own style', async () => {
    const { addresses } = await startAgent();
    const { headers, text } = await ask(addresses[0], '/');
    const style = /<style>([\s\S]*)<\/style>/.exec(text)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    );
    expect(headers).toMatchObject({ 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' });
    expect(text).not.toMatch(/<script|style=|javascript:|\son\w+=/i);
  });

  it('escapes what names and errors bring', async () => {
    const attack = `<script>alert("x")</script>'"&`;
    const clock = createManualClock();
    const bad = fakeProvider(clock);
    bad.renew = () => Promise.reject(new ImsvaultError('ERR_SECRET_UNAVAILABLE', attack, { hint: attack }));
    await bad.getToken().catch(() => undefined);
    const { addresses } = await startAgent({ profiles: () => profilesOf({ [attack]: bad }) });
    const { text } = await ask(addresses[0], `/?q=${encodeURIComponent(attack)}`);
    expect(text).not.toMatch(/<script/i);
    const escaped = '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&quot;&amp;';
    expect(text.split(escaped).length - 1).toBe(4);
    expect((await ask(addresses[0], `/?q=${encodeURIComponent('"><svg onload=x>')}`)).text).not.toContain(
      '<svg onload',
    );
  });

  it('says each state in words', async () => {
    const { addresses, clock, main, other } = await startAgent();
    const state = async (name: string) =>
      new RegExp(`>${name}</th>\\s*<td><span class="pill (\\w+)">([^<]+)<`)
        .exec((await ask(addresses[0], '/')).text)
        ?.slice(1);
    expect(await state('main')).toEqual(['idle', 'no token yet']);
    await Promise.all([main.getToken(), other.getToken()]);
    main.renew = () => new Promise(() => undefined);
    other.renew = () => Promise.reject(new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'away'));
    clock.jump(86_400_000 * 0.86);
    expect(await state('main')).toEqual(['good', 'usable, renewal due']);
    await Promise.all([main.getToken(), other.getToken()]);
    expect(await state('main')).toEqual(['good', 'usable, renewing']);
    expect(await state('other')).toEqual(['warn', 'usable, renewal failed']);
    clock.jump(86_400_000 * 0.138);
    expect(await state('main')).toEqual(['warn', 'renewal overdue']);
    clock.jump(86_400_000);
    expect(await state('main')).toEqual(['bad', 'expired']);
  });

  it('stays small with a thousand profiles: pages, and a search', () => {
    const clock = createManualClock();
    const many = profilesOf(
      Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`team-${index}`, fakeProvider(clock)])),
    );
    const names = (query: string) => {
      const body = statusPage(many, parsePageQuery(query), clock.now()).body.toString();
      expect(body.length).toBeLessThan(100_000);
      return { names: [...body.matchAll(/<th scope="row">([^<]+)/g)].map(([, name]) => name), body };
    };
    const first = names('');
    expect([first.names.length, first.names[0], first.names[99]]).toEqual([100, 'team-0', 'team-99']);
    expect(first.body).toContain('Page 1 of 10, 1000 profiles');
    expect(names('page=10').names.at(-1)).toBe('team-999');
    expect(names('page=11').names.at(-1)).toBe('team-999');
    expect(names('page=-1').names[0]).toBe('team-0');
    const search = names('q=TEAM-99&refresh=off');
    expect(search.names).toEqual(['team-99', ...Array.from({ length: 10 }, (_, index) => `team-${990 + index}`)]);
    expect(search.body).not.toContain('http-equiv');
    expect(search.body).toContain('<input type="hidden" name="refresh" value="off">');
    expect(search.body).toContain('href="/?q=TEAM-99"');
    expect(names('q=nothing').body).toContain('No profile has this in its name.');
  });
});
