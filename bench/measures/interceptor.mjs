import { Agent } from 'undici';
import { createTokenInterceptor } from '../../dist/http.js';
import { createTokenProvider } from '../../dist/index.js';
import { createImsEmulator } from '../../dist/testing.js';
import { startBare } from '../support/bare.mjs';
import { CREDENTIAL } from '../support/commands.mjs';
import { median, table } from '../support/figures.mjs';
import { inTurn, ratioTo } from '../support/rounds.mjs';

export const title = 'A request through the interceptor';

const AT_ONCE = 8;
/** The goal is 1.03. */
const CEILING = 1.5;

export async function measure(_log, { short, atMost }) {
  // Short ones: what else the machine does then meets all of them alike.
  const [rounds, requests] = short ? [51, 200] : [301, 300];
  const ims = await createImsEmulator().start();
  const provider = createTokenProvider({ ims: { tokenEndpoint: ims.tokenEndpoint } }, { env: CREDENTIAL });
  const bare = await startBare({ headers: { 'content-type': 'application/json' }, body: '{"scenarios":[]}' });
  const origin = `http://127.0.0.1:${bare.port}`;
  const agents = [new Agent({ connections: AT_ONCE }), new Agent({ connections: AT_ONCE })];
  try {
    const token = await provider.getToken();
    // The bare request carries the same bytes, written by the caller.
    const sent = { accept: 'application/json' };
    const full = { ...sent, authorization: `Bearer ${token.accessToken}`, 'x-api-key': token.clientId };
    const subjects = [
      { name: 'bare undici', dispatcher: agents[0], headers: full },
      {
        name: 'an interceptor that does nothing',
        dispatcher: agents[0].compose((dispatch) => (options, handler) => dispatch(options, handler)),
        headers: full,
      },
      {
        name: '`createTokenInterceptor`',
        dispatcher: agents[1].compose(createTokenInterceptor(provider, { allowedOrigins: [origin] })),
        headers: sent,
      },
    ];

    async function microseconds({ dispatcher, headers }) {
      const startedAt = performance.now();
      let left = requests;
      async function client() {
        while (left-- > 0) {
          const request = { origin, path: '/api/v3/scenarios', method: 'GET', headers };
          const { statusCode, body } = await dispatcher.request(request);
          await body.dump();
          if (statusCode !== 200) throw new Error(`status ${statusCode}`);
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, client));
      return ((performance.now() - startedAt) * 1000) / requests;
    }

    const results = await inTurn(subjects, rounds, microseconds);
    atMost('a request through the interceptor, beside a bare one', ratioTo(results[2], results[0]), CEILING);
    const rows = subjects.map(({ name }, at) => [
      name,
      `${median(results[at]).toFixed(1)} µs`,
      ratioTo(results[at], results[0]).toFixed(3),
    ]);
    return `One process asks a bare server in another, with a token that is held; ${rounds} rounds of ${requests.toLocaleString('en')} requests, ${AT_ONCE} at once, in turned
order. Medians, and medians of the rounds' ratios. The goal is 1.03.

${table(['', 'a request', 'to bare undici'], rows)}

For an interceptor that leaves undici's handler as it is, undici decodes each answer's headers, encodes and decodes them again; this one spares
it that. What it adds itself is, about in equal parts: the look whether the token held is usable, the request's copy with the token's headers, and
the handler that waits for a 401.`;
  } finally {
    await Promise.all(agents.map((agent) => agent.close()));
    bare.stop();
    await provider.close();
    await ims.stop();
  }
}
