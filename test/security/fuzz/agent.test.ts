import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { checkHead } from '../../../src/agent/guard.js';
import { readJsonBody } from '../../../src/agent/request-body.js';
import { KEY, portOf, sendRaw, startAgent } from '../../agent/support.js';
import { fuzz } from './fuzz.js';
import { mutatedJson, mutatedText } from './mutations.js';

const HOSTS: ReadonlySet<string> = new Set(['localhost:7717', '127.0.0.1:7717']);
const names = fc.constantFrom(
  ...[
    'Host',
    'host',
    'HOST',
    'X-Imsvault-Token',
    'x-imsvault-token',
    'Cookie',
    'If-None-Match',
    'Accept',
    'Content-Length',
  ],
  ...['Transfer-Encoding', 'Forwarded', 'X-Forwarded-For', 'x-forwarded-', 'X-Forwarded', 'Origin', 'hos', 'host '],
);
const values = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('localhost:7717', 'LocalHost:7717', '127.0.0.1:7717', KEY) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'evil.example',
      'localhost',
      'localhost:7717.evil.example',
      '0',
      '1024',
      '1025',
      '1e9',
      '-1',
      'chunked',
      '',
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
);
const usual: [string, string][] = [
  ['Host', 'localhost:7717'],
  ['X-Imsvault-Token', KEY],
];
const heads = fc
  .tuple(fc.constantFrom(usual, usual, []), fc.array(fc.tuple(names, values), { maxLength: 4 }), fc.boolean())
  .map(([before, more, withHosts]) => ({ lines: [...before, ...more], hosts: withHosts ? HOSTS : undefined }));

/** What must never come through, said of the lines as they stand. */
function isRefusable(lines: readonly (readonly [string, string])[], hosts: ReadonlySet<string> | undefined): boolean {
  const of = (name: string) => lines.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value);
  const forwarded = lines.some(([name]) => /^(forwarded$|x-forwarded-)/i.test(name));
  const [host, ...hostsMore] = of('host');
  const isHere = host !== undefined && hosts?.has(host.toLowerCase()) === true;
  return (
    of('transfer-encoding').length > 0 ||
    of('content-length').some((length) => Number(length) > 1024) ||
    of('x-imsvault-token').length > 1 ||
    hostsMore.length > 0 ||
    (hosts !== undefined && (forwarded || !isHere))
  );
}

describe('requests to the agent', () => {
  fuzz('agent head', heads, ({ lines, hosts }) => {
    const answer = checkHead({ rawHeaders: lines.flat() } as unknown as IncomingMessage, hosts);
    const isRefused = 'status' in answer;
    expect(isRefused).toBe(isRefusable(lines, hosts));
    if (isRefused) {
      expect(answer.status >= 400 && answer.status < 500).toBe(true);
      expect(answer.headers.join().toLowerCase()).toContain('connection,close');
      return 'refused';
    }
    expect(answer.accessToken).toBe(lines.find(([name]) => name.toLowerCase() === 'x-imsvault-token')?.[1]);
    return 'accepted';
  });

  const bodies = fc.oneof(
    mutatedJson(fc.constant({ rejected_version: 'a'.repeat(22) })).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 1100 }).map((bytes) => Buffer.from(bytes)),
    fc.constant(Buffer.alloc(0)),
  );
  fuzz('agent body', fc.tuple(bodies, fc.integer({ min: 1, max: 2000 })), async ([body, pieceBytes]) => {
    async function* pieces() {
      for (let at = 0; at < body.length; at += pieceBytes) yield body.subarray(at, at + pieceBytes);
    }
    const found = await readJsonBody(pieces() as unknown as IncomingMessage);
    if (found === undefined) return 'refused';
    expect(body.length).toBeLessThanOrEqual(1024);
    expect(found).toEqual(body.length === 0 ? {} : JSON.parse(body.toString('utf8')));
    expect(Array.isArray(found)).toBe(false);
    return 'accepted';
  });

  let agent: Awaited<ReturnType<typeof startAgent>> | undefined;
  const requests = fc.tuple(
    fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'PUT'),
    fc.constantFrom(
      '/v1/token',
      '/v1/token',
      '/v1/token?profile=other',
      '/v1/token?profile=main&profile=other',
      '/v1/token/renew',
      '/livez',
      '/metrics',
      '/',
      '/login?code=x',
      '/v1/web-code',
    ),
    fc.constantFrom('HTTP/1.1', 'HTTP/1.0'),
    fc.constantFrom('Host: localhost:{port}\r\n', 'Host: localhost:{port}\r\n', 'Host: evil.example\r\n', ''),
    fc.constantFrom(
      `X-Imsvault-Token: ${KEY}\r\n`,
      `X-Imsvault-Token: ${KEY}\r\n`,
      `X-Imsvault-Token: ${KEY.toUpperCase()}\r\n`,
      '',
    ),
    fc.constantFrom(
      '',
      '',
      'Content-Length: 2\r\n',
      'Transfer-Encoding: chunked\r\n',
      'X-Forwarded-For: 1\r\n',
      'Content-Length: 2\r\nContent-Length: 30\r\n',
    ),
    fc.constantFrom('', '{}', '2\r\n{}\r\n0\r\n\r\n', '0\r\n\r\nGET /v1/token HTTP/1.1\r\n\r\n'),
  );
  const honest = `GET /v1/token HTTP/1.1\r\nHost: localhost:{port}\r\nX-Imsvault-Token: ${KEY}\r\nConnection: close\r\n\r\n`;
  const varied = requests.chain(([method, path, version, host, key, more, body]) => {
    const text = `${method} ${path} ${version}\r\n${host}${key}${more}Connection: close\r\n\r\n${body}`;
    return fc.oneof(fc.constant(text), mutatedText(fc.constant(text)));
  });
  const wire = fc.oneof(
    { weight: 1, arbitrary: fc.constant(honest) },
    { weight: 2, arbitrary: mutatedText(fc.constant(honest)) },
    { weight: 4, arbitrary: varied },
  );
  // One agent for all: what one request breaks, the next ones show.
  fuzz('agent on the wire', wire, async (text) => {
    agent ??= await startAgent({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 200, keepAliveTimeoutMs: 50 } });
    const [address] = agent.addresses;
    const sent = text.replaceAll('{port}', String(portOf(address)));
    const answer = await sendRaw(address, sent, 2000);
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
    expect(
      statuses.filter((status) => status >= 500),
      answer,
    ).toEqual([]);
    const shows = /"access_token":"/.test(answer);
    if (shows || /fake-token-\d/.test(answer)) {
      expect(sent.includes(KEY), 'a token without the key').toBe(true);
      expect(sent.toLowerCase().includes(`localhost:${portOf(address)}`), 'a token for another host').toBe(true);
      expect(/\n(x-forwarded-|forwarded:|transfer-encoding:)/i.test(sent.split('\r\n\r\n')[0] ?? '')).toBe(false);
    }
    expect(answer.includes(KEY), 'the key in an answer').toBe(false);
    return statuses.includes(200) ? 'accepted' : 'refused';
  });
});
