import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { generate } from 'selfsigned';
import { expect, it } from 'vitest';
import { startAgent } from '../../src/agent/agent.js';
import { systemClock } from '../../src/clock.js';
import { loadConfig } from '../../src/config/load-config.js';
import type { LogRecord } from '../../src/observe/log.js';
import { tempFolder, write } from '../config/support.js';
import { cleanUps, until } from '../testing/over-http.js';

const CONFIG = 'agent: { listen: ["127.0.0.1:0"], tokenFile: token, tls: { certFile: cert.pem, keyFile: key.pem } }\n';

async function setUp() {
  const folder = await tempFolder();
  const configPath = await write(folder, 'c.yaml', CONFIG);
  const records: LogRecord[] = [];
  const nothing = async () => undefined;
  const events = (name: string) => records.filter(({ event }) => event === name);
  return {
    events,
    /** In the place of the file that is there, as a whole. */
    async put(name: string, text: string) {
      await write(folder, `${name}.new`, text);
      await rename(join(folder, `${name}.new`), join(folder, name));
    },
    async start() {
      const agent = await startAgent({
        load: (reload) => loadConfig({ configPath, env: {}, cwd: folder, reload }),
        env: {},
        clock: systemClock,
        random: () => 0,
        log: (record) => void records.push(record),
        notifier: { ready: nothing, reloading: nothing, stopping: nothing, close: () => undefined },
      });
      cleanUps.push(() => agent.stop(0));
    },
    /** The name in the certificate that a new connection is shown. */
    shown: () =>
      new Promise((resolve, reject) => {
        const port = Number(String(events('listening')[0]?.addresses).split(':')[1]);
        const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().subject.CN);
          socket.destroy();
        });
        socket.once('error', reject);
      }),
  };
}

const certificate = (name: string) => generate([{ name: 'commonName', value: name }]);

it('shows a renewed certificate without a restart, and the old one while the key does not fit', async () => {
  const { put, start, shown, events } = await setUp();
  const [old, renewed] = [await certificate('old.example'), await certificate('new.example')];
  await put('cert.pem', old.cert);
  await put('key.pem', old.private);
  await start();
  expect(await shown()).toBe('old.example');

  await put('cert.pem', renewed.cert);
  await until(() => events('config-refused').length === 1);
  expect(events('config-refused')[0]).toMatchObject({
    problems: [{ path: 'agent.tls', message: expect.stringContaining('MISMATCH') }],
  });
  expect(await shown()).toBe('old.example');

  await put('key.pem', renewed.private);
  await until(() => events('config-reloaded').length === 1);
  expect(await shown()).toBe('new.example');
});

it('does not start with what is no certificate', async () => {
  const { put, start } = await setUp();
  await put('cert.pem', 'nothing of the kind');
  await put('key.pem', (await certificate('a.example')).private);
  await expect(start()).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID', problems: [{ path: 'agent.tls' }] });
});
