import { ms, percentile, table } from '../support/figures.mjs';

const HEAD = [
  'workers',
  'hosts',
  'wall clocks off by',
  'lifetimes',
  'processors busy',
  'exchanges',
  'generations',
  'calls at the store per worker and lifetime',
  'calls of getToken',
  'wait p50 / p99 / max',
  'errors',
  'expired or invalid tokens',
];

/** @param runs `[wanted, result]` as runFleet takes and gives them */
export function fleetTable(runs) {
  return table(
    HEAD,
    runs.map(([wanted, result]) => [
      wanted.workers,
      wanted.hosts === 0 ? 'loopback' : wanted.hosts,
      wanted.skew === 0 ? '0' : `0, +${wanted.skew}, −${wanted.skew} min`,
      `${wanted.lifetimes} of ${wanted.life} s, in ${Math.round(result.seconds)} s`,
      `${Math.round(result.cpuShare * 100)} %`,
      result.exchanges,
      result.generations,
      result.callsPerWorkerAndLife.toFixed(2),
      result.calls.toLocaleString('en'),
      [0.5, 0.99, 1].map((at) => ms(percentile(result.waits, at))).join(' / '),
      result.failures,
      result.expired + result.invalid,
    ]),
  );
}

/** What is wrong with a run; empty when it shows what it should. */
export function problemsOf(result, { workers, lifetimes }) {
  const { exchanges, generations, exchangesInAll, generationsInAll, tokensSeen, onLastToken } = result;
  const claims = [
    [exchanges === generations, `${exchanges} exchanges for ${generations} generations`],
    [generations === lifetimes, `${generations} generations instead of ${lifetimes}`],
    [
      exchangesInAll === generationsInAll,
      `${exchangesInAll} exchanges for ${generationsInAll} generations, with the start`,
    ],
    [tokensSeen === exchangesInAll, `workers saw ${tokensSeen} tokens of ${exchangesInAll}`],
    [onLastToken === workers, `${onLastToken} of ${workers} workers have the last token`],
    ...['failures', 'expired', 'invalid', 'died'].map((name) => [result[name] === 0, `${name}: ${result[name]}`]),
  ];
  return [...claims.filter(([holds]) => !holds).map(([, text]) => text), ...result.messages];
}
