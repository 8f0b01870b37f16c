import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatListenAddress } from '../../src/net/listen-address.js';
import { ask, KEY, LOOPBACK, onEnd, startAgent, tempFolder } from '../agent/support.js';
import { createAuthority } from '../support/authority.js';
import { expectNoSecrets } from '../support/leaks.js';
import { run } from './support.js';

async function world(content = `${KEY}\n`) {
  const folder = tempFolder();
  const socket = { kind: 'unix', path: join(folder, 's') } as const;
  const agent = await startAgent({ listen: [socket, LOOPBACK] });
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, content);
  const [unix = '', tcp = ''] = agent.addresses.map(formatListenAddress);
  return { agent, folder, tokenFile, unix, tcp };
}

describe('imsvault status --web', () => {
  it('prints a link that opens the page', async () => {
    const { agent, tokenFile, unix, tcp } = await world();
    for (const address of [unix, tcp]) {
      const { code, stdout } = await run(['status', '--web', '--agent', address, '--token-file', tokenFile]);
      expect(code).toBe(0);
      const url = new URL(stdout.trim());
      expect(url.host).toBe(tcp);
      const login = await ask(agent.addresses[1], `${url.pathname}${url.search}`, { anonymous: true });
      expect(login.status).toBe(303);
    }
  });

  it('asks an agent with TLS, by the authority that is named', async () => {
    const authority = await createAuthority('status --web');
    const { certificate, key } = await authority.issue({ names: ['localhost'], addresses: ['127.0.0.1'] });
    const agent = await startAgent({
      listen: [LOOPBACK],
      tls: { cert: Buffer.from(certificate), key: Buffer.from(key) },
    });
    const folder = tempFolder();
    const [tokenFile, ca] = [join(folder, 'token'), join(folder, 'ca.pem')];
    writeFileSync(tokenFile, KEY);
    writeFileSync(ca, authority.certificate);
    const [plain = ''] = agent.addresses.map(formatListenAddress);
    const status = (...args: string[]) => run(['status', '--web', '--token-file', tokenFile, ...args]);

    for (const host of [plain, plain.replace('127.0.0.1', 'localhost')]) {
      const { code, stdout } = await status('--agent', `https://${host}`, '--agent-ca', ca);
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^https:\S+\/login\?code=/) });
    }
    const distrusted = await status('--agent', `https://${plain}`);
    expect(distrusted).toMatchObject({
      code: 5,
      stdout: '',
      stderr: expect.stringMatching(/no agent answers at https:/),
    });
    const clear = await status('--agent', plain);
    expect(clear).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('https://HOST:PORT where it has agent.tls'),
    });
    for (const [args, message] of [
      [['--agent', plain, '--agent-ca', ca], '--agent-ca: goes with --agent https'],
      [['--agent', `https://${plain}/x`], '--agent: write https://HOST:PORT and no more'],
      [['--agent', `https://${plain}`, '--agent-ca', `${ca}.no`], '--agent-ca: '],
    ] as const) {
      expect((await status(...args)).stderr).toContain(message);
    }
  });

  it('finds the token file where the agent makes it', async () => {
    const { folder, tcp } = await world();
    writeFileSync(join(folder, 'imsvault-agent-token'), KEY);
    const env = { XDG_RUNTIME_DIR: folder };
    const found = await run(['status', '--web', '--agent', tcp, '-o', 'json'], { env });
    expect(JSON.parse(found.stdout)).toEqual({ url: expect.stringContaining('/login?code=') });
    const none = await run(['status', '--web', '--agent', tcp], { env: {} });
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('--token-file: is required')]);
  });

  it('says what is wrong: no agent, another token, another server', async () => {
    const { tokenFile, tcp, unix } = await world('another-token-0123456789abcdef');
    const refused = await run(['status', '--web', '--agent', tcp, '--token-file', tokenFile]);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('does not hold the token of the agent'),
    ]);
    expectNoSecrets(refused.stderr, ['another-token-0123456789abcdef']);

    const lines = await world('two\nlines');
    const wrongFile = await run(['status', '--web', '--agent', tcp, '--token-file', lines.tokenFile]);
    expect([wrongFile.code, wrongFile.stderr]).toEqual([2, expect.stringContaining('holds no token of an agent')]);

    const remote = await run(['status', '--web', '--agent', '192.0.2.1:7717', '--token-file', tokenFile]);
    expect([remote.code, remote.stderr]).toEqual([2, expect.stringContaining('an address of this machine')]);

    const absent = await run(['status', '--web', '--agent', `${unix}.no`, '--token-file', tokenFile]);
    expect([absent.code, absent.stderr]).toEqual([5, expect.stringContaining('no agent answers at unix:')]);

    const other = createServer((_request, response) => response.end('{"url": "javascript:alert(1)"}'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', () => resolve()));
    onEnd(() => other.close());
    const { port } = other.address() as AddressInfo;
    const strange = await run(['status', '--web', '--agent', `127.0.0.1:${port}`, '--token-file', tokenFile]);
    expect([strange.code, strange.stdout]).toEqual([5, '']);
    expect(strange.stderr).toContain('is no agent of imsvault');
  });

  it('says so where the agent has no address for a browser', async () => {
    const folder = tempFolder();
    const path = join(folder, 's');
    await startAgent({ listen: [{ kind: 'unix', path }] });
    writeFileSync(join(folder, 'token'), KEY);
    const ran = await run(['status', '--web', '--agent', `unix:${path}`, '--token-file', join(folder, 'token')]);
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('has no TCP address for a browser')]);
  });
});
