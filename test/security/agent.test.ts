import { lstatSync, mkdirSync, readFileSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSinkFile } from '../../src/agent/sinks/sink-file.js';
import { ask, KEY, onEnd, openRaw, portOf, sendRaw, startAgent, tempFolder } from '../agent/support.js';
import { createBench } from '../net/servers.js';

// What test/agent/guard.test.ts, unix-socket.test.ts and sink.test.ts hold is not said again.

describe('requests that name another server (SSRF)', () => {
  it('lead to no connection, and are not repeated in an answer', async () => {
    const bench = createBench();
    onEnd(() => bench.closeAll());
    let connections = 0;
    const victim = `127.0.0.1:${await bench.listen(
      createServer((socket) => {
        connections++;
        socket.destroy();
      }),
    )}`;
    const { addresses, main } = await startAgent();
    const head = `Host: 127.0.0.1:${portOf(addresses[0])}\r\nX-Imsvault-Token: ${KEY}\r\nConnection: close\r\n`;
    const body = JSON.stringify({ rejected_version: `http://${victim}/` });
    const requests = [
      `GET http://${victim}/v1/token HTTP/1.1\r\n${head}\r\n`,
      `GET //${victim}/v1/token HTTP/1.1\r\n${head}\r\n`,
      `GET /v1/token?profile=http://${victim}/ HTTP/1.1\r\n${head}\r\n`,
      `GET /v1/token?tokenEndpoint=http://${victim}/ HTTP/1.1\r\n${head}\r\n`,
      `GET /login?code=http://${victim}/ HTTP/1.1\r\n${head}\r\n`,
      `GET / HTTP/1.1\r\n${head}Referer: http://${victim}/\r\nOrigin: http://${victim}\r\nCookie: a=http://${victim}\r\n\r\n`,
      `POST /v1/web-code HTTP/1.1\r\n${head}Origin: http://${victim}\r\nContent-Length: 0\r\n\r\n`,
      `POST /v1/token/renew HTTP/1.1\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`,
      `GET /v1/token HTTP/1.1\r\n${head}Upgrade: websocket\r\nX-Original-URL: http://${victim}/\r\n\r\n`,
      `GET /v1/token HTTP/1.1\r\n${head}X-Forwarded-Host: ${victim}\r\n\r\n`,
      `CONNECT ${victim} HTTP/1.1\r\nHost: ${victim}\r\n\r\n`,
    ];
    for (const request of requests) {
      const answer = await sendRaw(addresses[0], request);
      expect(answer, request).not.toContain(victim);
    }
    expect(connections).toBe(0);
    // One exchange, for the token that was asked for; none for what was named.
    expect(main.renewals).toBeLessThanOrEqual(1);
  });
});

describe('requests inside of requests', () => {
  it.each([
    ['a plus sign', '+{length}'],
    ['a hexadecimal number', '0x20'],
    ['a list', '{length}, {length}'],
    ['a fraction', '{length}.0'],
    ['a negative number', '-1'],
    ['more than fits', '99999999999999999999'],
    ['a space inside', '1 0'],
  ])('a length that is %s', async (_name, length) => {
    const { addresses, main } = await startAgent();
    const host = `Host: 127.0.0.1:${portOf(addresses[0])}\r\n`;
    const inner = `POST /v1/token/renew HTTP/1.1\r\n${host}X-Imsvault-Token: ${KEY}\r\nContent-Length: 0\r\n\r\n`;
    const value = length.replaceAll('{length}', String(inner.length));
    const answer = await sendRaw(
      addresses[0],
      `GET /livez HTTP/1.1\r\n${host}Content-Length: ${value}\r\n\r\n${inner}`,
      1000,
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual([expect.stringMatching(/ 4\d\d$/)]);
    expect(main.renewals).toBe(0);
  });

  it('the body of a GET is a body', async () => {
    const { addresses, main } = await startAgent();
    const host = `Host: 127.0.0.1:${portOf(addresses[0])}\r\n`;
    const inner = `POST /v1/token/renew HTTP/1.1\r\n${host}X-Imsvault-Token: ${KEY}\r\nContent-Length: 0\r\n\r\n`;
    const outer = `GET /livez HTTP/1.1\r\n${host}Connection: close\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`;
    expect((await sendRaw(addresses[0], outer, 1000)).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
    expect(main.renewals).toBe(0);
  });
});

describe('slow clients', () => {
  it('a byte now and then does not keep a request alive, nor others waiting', async () => {
    const { addresses } = await startAgent({ limits: { headersTimeoutMs: 300, requestTimeoutMs: 300 } });
    const sockets = await Promise.all(Array.from({ length: 50 }, () => openRaw(addresses[0])));
    const ended = sockets.map(
      (socket) =>
        new Promise<string>((resolve) => {
          let answer = '';
          socket.on('data', (data) => {
            answer += data;
          });
          socket.on('error', () => undefined).once('close', () => resolve(answer));
        }),
    );
    for (const socket of sockets) socket.write('GET /v1/token HTTP/1.1\r\nX-A: ');
    const dripping = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write('b');
    }, 50);
    onEnd(() => clearInterval(dripping));
    expect((await ask(addresses[0], '/v1/token')).status).toBe(200);
    const answers = await Promise.all(ended);
    expect(new Set(answers.map((answer) => answer.split('\r\n')[0]))).toEqual(
      new Set(['HTTP/1.1 408 Request Timeout']),
    );
  });
});

const rawSink = (path: string) =>
  ({
    option: 'agent.sinks.0',
    path,
    profile: 'a',
    format: 'raw',
    variable: 'X',
    template: undefined,
    mode: 0o600,
    owner: undefined,
    group: undefined,
  }) as const;

describe("a sink's file", () => {
  it('is never written through a link, however often one is put in its place', async () => {
    const folder = tempFolder();
    const [path, elsewhere] = [join(folder, 'token'), join(folder, 'elsewhere')];
    writeFileSync(elsewhere, 'untouched', { mode: 0o644 });
    const file = await openSinkFile(rawSink(path));
    let swaps = 0;
    const swap = () => {
      symlinkSync(elsewhere, `${path}.link`);
      renameSync(`${path}.link`, path);
      swaps++;
    };
    let stopped = false;
    const swapping = (async () => {
      while (!stopped) {
        swap();
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    })();
    for (let turn = 0; turn < 40; turn++) await file.write(`token-${turn}`);
    stopped = true;
    await swapping;
    await file.write('the last token');
    expect(swaps).toBeGreaterThan(20);
    expect(readFileSync(elsewhere, 'utf8')).toBe('untouched');
    expect(lstatSync(elsewhere).mode & 0o777).toBe(0o644);
    expect([lstatSync(path).isFile(), lstatSync(path).mode & 0o777, readFileSync(path, 'utf8')]).toEqual([
      true,
      0o600,
      'the last token',
    ]);
  });

  it('is not a folder, a pipe or a socket that somebody put there', async () => {
    const folder = tempFolder();
    const path = join(folder, 'token');
    mkdirSync(path);
    await expect(openSinkFile(rawSink(path))).rejects.toThrow(/is not a file/);
    renameSync(path, join(folder, 'away'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onEnd(() => server.close());
    await expect(openSinkFile(rawSink(path))).rejects.toThrow(/is not a file/);
    unlinkSync(path);
    await (await openSinkFile(rawSink(path))).write('token');
    expect(readFileSync(path, 'utf8')).toBe('token');
  });
});
