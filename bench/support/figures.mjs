import { cpus, release, totalmem, type } from 'node:os';

/** @param at in [0, 1] */
export function percentile(values, at) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(at * sorted.length))];
}

export const median = (values) => percentile(values, 0.5);

/** Milliseconds, with as many digits as they deserve. */
export const ms = (value) => (value < 10 ? `${value.toFixed(2)} ms` : `${Math.round(value).toLocaleString('en')} ms`);

/** A table in Markdown. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** What a figure depends on; nothing that names this machine. */
export function machine() {
  const [{ model }] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${model.trim()}, ${memory} GiB, ${type()} ${release()}, Node ${process.version}`;
}
