import * as z from 'zod';
import { Redacted, redact } from '../redacted.js';

/**
 * A secret given as a value. In a config file it must come from `${VARIABLE}` or a `…File` option: the config layer
 * refuses a literal where `writeOnly` is set.
 */
export const secretOption = (description: string) =>
  z
    .union([z.string().min(1), z.instanceof(Redacted<string>)])
    .transform((value): Redacted<string> => (typeof value === 'string' ? redact(value) : value))
    .meta({ description, writeOnly: true });

/** A path: absolute, `~/…`, or relative to the config file's folder. */
export const fileOption = (description: string) =>
  z
    .string()
    .min(1)
    .meta({ description: `${description} A path: absolute, \`~/…\`, or relative to the config file.` });

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** `500ms`, `30s`, `10m`, `24h`, or a number of milliseconds; milliseconds come out. */
export function parseDuration(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? value : undefined;
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*(ms|s|m|h)?$/.exec(value.trim());
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * UNIT_MS[(match[2] ?? 'ms') as keyof typeof UNIT_MS]);
}

/** A duration option; bounds in milliseconds. */
export const durationOption = (description: string, bounds: { min: number; max: number }) =>
  z
    .union([z.number(), z.string()])
    .transform((value, context) => {
      const parsed = parseDuration(value);
      if (parsed === undefined) {
        context.addIssue({ code: 'custom', message: 'write a duration: 500ms, 30s, 10m, 24h, or milliseconds' });
        return z.NEVER;
      }
      if (parsed < bounds.min || parsed > bounds.max) {
        context.addIssue({ code: 'custom', message: `must be between ${bounds.min} and ${bounds.max} milliseconds` });
        return z.NEVER;
      }
      return parsed;
    })
    .meta({ description });
