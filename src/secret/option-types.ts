import * as z from 'zod';
import { parseDuration } from '../duration.js';
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
