// What the interceptor costs beside a bare undici request, in one process: alternating rounds against one server in
// another, a token held all the time. Prints the medians. Usage: node bench/measures/interceptor.mjs [ROUNDS] [REQUESTS]
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Agent } from 'undici';

const ROUNDS = Number(process.argv[2] ?? 21);
const REQUESTS = Number(process.argv[3] ?? 2000);
const AT_ONCE = 8;

if (process.send !== undefined) serve();
else await measure();

function serve() {
  const body = JSON.stringify({ scenarios: [] });
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => process.send?.(server.address().port));
  process.on('disconnect', () => process.exit());
}

async function measure() {
  const { createTokenInterceptor } = await import('../../dist/http.js');
  const { createTokenProvider } = await import('../../dist/index.js');
  const { createImsEmulator } = await import('../../dist/testing.js');
  const emulator = await createImsEmulator().start();
  const env = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };
  const provider = createTokenProvider({ ims: { tokenEndpoint: emulator.tokenEndpoint } }, { env });
  const token = await provider.getToken();

  const server = fork(fileURLToPath(import.meta.url));
  const port = await new Promise((resolve) => server.once('message', resolve));
  const origin = `http://127.0.0.1:${port}`;
  const bare = new Agent({ connections: AT_ONCE });
  const under = new Agent({ connections: AT_ONCE });
  // The bare request carries the same bytes, written by the caller.
  const sent = { accept: 'application/json' };
  const full = { ...sent, authorization: `Bearer ${token.accessToken}`, 'x-api-key': token.clientId };
  const subjects = {
    'bare undici': { dispatcher: bare, headers: full },
    'an interceptor that does nothing': {
      dispatcher: bare.compose((dispatch) => (o, h) => dispatch(o, h)),
      headers: full,
    },
    createTokenInterceptor: {
      dispatcher: under.compose(createTokenInterceptor(provider, { allowedOrigins: [origin] })),
      headers: sent,
    },
  };

  async function round({ dispatcher, headers }) {
    const started = performance.now();
    let left = REQUESTS;
    const worker = async () => {
      while (left-- > 0) {
        const { statusCode, body } = await dispatcher.request({
          origin,
          path: '/api/v3/scenarios',
          method: 'GET',
          headers,
        });
        await body.dump();
        if (statusCode !== 200) throw new Error(`status ${statusCode}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return ((performance.now() - started) / REQUESTS) * 1000;
  }

  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  const names = Object.keys(subjects);
  for (let count = 0; count < ROUNDS + 2; count++) {
    // Each goes first as often as the others.
    for (const name of names.map((_, index) => names[(index + count) % names.length])) {
      const time = await round(subjects[name]);
      if (count >= 2) times[name].push(time);
    }
  }
  console.log(`Node ${process.version}, ${ROUNDS} rounds of ${REQUESTS} requests, ${AT_ONCE} at once\n`);
  console.log('| | µs a request | × bare |\n|---|---|---|');
  for (const name of names) {
    const ratio = median(times[name].map((time, index) => time / times['bare undici'][index]));
    console.log(`| ${name} | ${median(times[name]).toFixed(1)} | ${ratio.toFixed(3)} |`);
  }
  server.disconnect();
  await Promise.all([bare.close(), under.close(), provider.close(), emulator.stop()]);
}
