import * as z from 'zod';

export const customMetadata = z.record(z.string(), z.string()).nullish().catch(undefined);

export const kv1Answer = z.object({ data: z.record(z.string(), z.unknown()) });

export const kv2Answer = z.object({
  data: z.object({
    data: z.record(z.string(), z.unknown()),
    metadata: z.object({
      version: z.number(),
      created_time: z.string().optional(),
      custom_metadata: customMetadata,
    }),
  }),
});

/** To a write. */
export const kv2Written = z.object({ data: z.object({ version: z.int().min(1), custom_metadata: customMetadata }) });
