import * as z from 'zod';

export const kv1Answer = z.object({ data: z.record(z.string(), z.unknown()) });

export const kv2Answer = z.object({
  data: z.object({
    data: z.record(z.string(), z.unknown()),
    metadata: z.object({ version: z.number(), created_time: z.string().optional() }),
  }),
});

/** To a write. */
export const kv2Written = z.object({ data: z.object({ version: z.int().min(1) }) });

export const kv2Metadata = z.object({
  data: z.object({
    custom_metadata: z.record(z.string(), z.string()).nullish(),
    /** 0: as the mount has it. */
    max_versions: z.int().min(0),
    /** As Go writes durations: `1h0m0s`. */
    delete_version_after: z.string(),
    /** OpenBao from 2.4 on. */
    current_metadata_version: z.int().optional(),
  }),
});
