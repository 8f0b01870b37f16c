// One worker of a fleet, in a process of its own. Its parent sends what to run, and it tells what it sees:
// { kind: 'token', digest, waitMs } for each new token, { kind: 'failure', message }, and { kind: 'report', … } at its end.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTokenProvider } from '../../dist/index.js';

/** More than these add nothing; a fleet that fails must not drown its parent. */
const MAX_FAILURES_TOLD = 5;

process.once('message', (job) => work(job));
process.once('disconnect', () => process.exit());

/** The machine's clocks, with a wall clock that is wrong by `skewMs`. */
function skewedClock(skewMs) {
  return {
    now: () => Date.now() + skewMs,
    monotonic: () => performance.now(),
    setTimer(callback, delayMs, { ref = false } = {}) {
      const timer = setTimeout(callback, Math.min(delayMs, 2 ** 31 - 1));
      if (!ref) timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

/** A seeded sequence in [0, 1): mulberry32. */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** When the token ends by what IMS wrote into it, Unix milliseconds: nothing that imsvault reckons. */
function endOf(accessToken) {
  const claims = JSON.parse(Buffer.from(accessToken.split('.')[1], 'base64url').toString());
  return Number(claims.created_at) + Number(claims.expires_in);
}

/** @param job `config`, `seed`, `skewMs`, `tickMs`; `validate: { url, clientId }` asks IMS about each new token;
 *   `pauseAtFirst`: with the first token it stops asking until the message `resume` */
async function work({ config, seed, skewMs, tickMs, validate, pauseAtFirst }) {
  const warnings = [];
  const provider = createTokenProvider(config, {
    clock: skewedClock(skewMs),
    random: randomFrom(seed),
    onWarning: (message) => warnings.push(message),
  });
  const counts = { calls: 0, failures: 0, expired: 0, invalid: 0, tokens: 0 };
  let waits = [];
  let running = true;
  let paused = false;
  let held;

  process.on('message', (message) => {
    if (message === 'measure') waits = [];
    if (message === 'stop') running = false;
    if (message === 'resume') paused = false;
  });

  function failed(message) {
    if (++counts.failures <= MAX_FAILURES_TOLD) process.send({ kind: 'failure', message });
  }

  async function isValid(accessToken) {
    const body = new URLSearchParams({ type: 'access_token', client_id: validate.clientId, token: accessToken });
    const headers = { 'x-ims-clientid': validate.clientId };
    const response = await fetch(validate.url, { method: 'POST', body, headers, signal: AbortSignal.timeout(10_000) });
    const { valid, reason } = await response.json();
    // On a busy machine the question may come after the token's end, which says nothing about the token.
    return valid === true || (reason === 'expired' && Date.now() >= endOf(accessToken));
  }

  while (running) {
    if (paused) {
      await sleep(20);
      continue;
    }
    const askedAt = performance.now();
    try {
      const { accessToken } = await provider.getToken();
      const waitMs = performance.now() - askedAt;
      counts.calls++;
      waits.push(waitMs);
      if (Date.now() >= endOf(accessToken)) counts.expired++;
      if (accessToken !== held) {
        held = accessToken;
        counts.tokens++;
        paused = pauseAtFirst === true && counts.tokens === 1;
        const digest = createHash('sha256').update(accessToken).digest('base64url').slice(0, 16);
        process.send({ kind: 'token', digest, waitMs });
        if (validate !== undefined && !(await isValid(accessToken))) counts.invalid++;
      }
    } catch (error) {
      failed(`${error.code ?? error.name}: ${error.message}`);
    }
    await sleep(tickMs);
  }
  await provider.close();
  process.send({ kind: 'report', ...counts, waits, warnings }, () => process.disconnect());
}
