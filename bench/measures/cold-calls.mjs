import { createTokenProvider } from '../../dist/index.js';
import { createImsEmulator } from '../../dist/testing.js';
import { ms, table } from '../support/figures.mjs';

export const title = '1,000 cold calls at once, in one process';

const CALLS = 1000;

export async function measure() {
  const ims = await createImsEmulator().start();
  ims.fail({ kind: 'latency', ms: 200 });
  const env = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };
  const config = { ims: { tokenEndpoint: ims.tokenEndpoint }, credentials: { provider: 'env' } };
  const provider = createTokenProvider(config, { env });
  try {
    const startedAt = performance.now();
    const tokens = await Promise.all(Array.from({ length: CALLS }, () => provider.getToken()));
    const tookMs = performance.now() - startedAt;
    const distinct = new Set(tokens.map(({ accessToken }) => accessToken)).size;
    if (ims.exchanges !== 1 || distinct !== 1) throw new Error(`${ims.exchanges} exchanges, ${distinct} tokens`);
    return table(
      ['calls', 'exchanges', 'tokens', 'until all have it, with 200 ms at IMS'],
      [[CALLS.toLocaleString('en'), ims.exchanges, distinct, ms(tookMs)]],
    );
  } finally {
    await provider.close();
    await ims.stop();
  }
}
