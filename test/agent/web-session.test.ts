import { describe, expect, it } from 'vitest';
import { createWebSessions } from '../../src/agent/web-session.js';
import { createManualClock } from '../support/manual-clock.js';
import { type Answer, ask, portOf, startAgent, tempFolder } from './support.js';

const pathOf = (answer: Answer) => {
  const url = new URL(answer.json.url);
  return `${url.pathname}${url.search}`;
};
const cookieOf = (answer: Answer) => String(answer.headers['set-cookie']).split(';')[0] ?? '';

describe('a browser', () => {
  it('gets in by a code that works once, and sees the page alone', async () => {
    const { addresses, main } = await startAgent();
    const at = addresses[0];
    const code = await ask(at, '/v1/web-code', { method: 'POST' });
    expect(code.json).toEqual({
      url: expect.stringMatching(new RegExp(`^http://127\\.0\\.0\\.1:${portOf(at)}/login\\?code=[\\w-]{43}$`)),
      expires_in: 60,
    });
    const login = await ask(at, pathOf(code), { anonymous: true });
    expect([login.status, login.headers.location]).toEqual([303, '/']);
    expect(login.headers['set-cookie']).toEqual([
      expect.stringMatching(
        new RegExp(`^imsvault_${portOf(at)}=[\\w-]{43}; HttpOnly; SameSite=Strict; Path=/; Max-Age=3600$`),
      ),
    ]);
    const cookie = cookieOf(login);
    const browser = { anonymous: true, headers: { cookie: `a=b; ${cookie}; c=d` } };
    expect((await ask(at, '/', browser)).status).toBe(200);
    for (const [method, path] of [
      ['GET', '/v1/token'],
      ['POST', '/v1/token/renew'],
      ['POST', '/v1/web-code'],
      ['GET', '/metrics'],
    ] as const) {
      expect((await ask(at, path, { ...browser, method })).status).toBe(403);
    }
    expect((await ask(at, pathOf(code), { anonymous: true })).status).toBe(403);
    expect(main.renewals).toBe(0);
  });

  it.each(['', 'x=y', 'imsvault_{port}=', 'imsvault_{port}=x', 'imsvault_1={value}'])(
    'stays out with the cookie %j',
    async (cookie) => {
      const { addresses } = await startAgent();
      const at = addresses[0];
      const login = await ask(at, pathOf(await ask(at, '/v1/web-code', { method: 'POST' })), { anonymous: true });
      const value = cookieOf(login).split('=')[1] ?? '';
      const sent = cookie.replace('{port}', String(portOf(at))).replace('{value}', value);
      const { status, text } = await ask(at, '/', { anonymous: true, headers: { cookie: sent } });
      expect(status).toBe(403);
      expect(text).toContain('imsvault status --web');
      expect(text).not.toContain('<table');
    },
  );

  it('is late after a minute with its code, after an hour with its cookie', async () => {
    const { addresses, clock } = await startAgent();
    const at = addresses[0];
    const late = await ask(at, '/v1/web-code', { method: 'POST' });
    const inTime = await ask(at, '/v1/web-code', { method: 'POST' });
    await clock.advance(59_999);
    const headers = { cookie: cookieOf(await ask(at, pathOf(inTime), { anonymous: true })) };
    await clock.advance(1);
    expect((await ask(at, pathOf(late), { anonymous: true })).status).toBe(403);
    await clock.advance(3_599_998);
    expect((await ask(at, '/', { anonymous: true, headers })).status).toBe(200);
    await clock.advance(1);
    expect((await ask(at, '/', { anonymous: true, headers })).status).toBe(403);
  });

  it('cannot come where the agent has no address for it', async () => {
    const { addresses } = await startAgent({ listen: [{ kind: 'unix', path: `${tempFolder()}/s` }] });
    const { status, json } = await ask(addresses[0], '/v1/web-code', { method: 'POST' });
    expect([status, json.error.code]).toEqual([409, 'ERR_AGENT_NO_WEB_ADDRESS']);
  });

  it('a code is not spent by HEAD', async () => {
    const { addresses } = await startAgent();
    const at = addresses[0];
    const code = await ask(at, '/v1/web-code', { method: 'POST' });
    expect((await ask(at, pathOf(code), { anonymous: true, method: 'HEAD' })).headers['set-cookie']).toBeUndefined();
    expect((await ask(at, pathOf(code), { anonymous: true })).status).toBe(303);
  });
});

describe('what is held', () => {
  it('is bounded: the oldest goes', () => {
    const sessions = createWebSessions(createManualClock());
    const codes = Array.from({ length: 65 }, () => sessions.issueCode());
    expect(sessions.redeem(codes[0] ?? '')).toBeUndefined();
    expect(sessions.redeem(codes[1] ?? '')).toBeDefined();
    expect(sessions.isOpen(sessions.redeem(codes[2] ?? '') ?? '')).toBe(true);
    expect(sessions.isOpen(codes[3] ?? '')).toBe(false);
  });
});
