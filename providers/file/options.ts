import * as z from 'zod';
import { fileOption } from '../../src/secret/option-types.js';

export const fileOptions = z.strictObject({
  path: fileOption("The file. With systemd's LoadCredential: `${CREDENTIALS_DIRECTORY}/name`."),
  mode: z
    .string()
    .regex(/^0?[0-7]{3}$/, 'must be three octal digits in quotes, such as "0640"')
    .refine((text) => (Number.parseInt(text, 8) & 0o002) === 0, 'must not let everybody write')
    .optional()
    .meta({
      description:
        'Permissions of the file where something is written to it, octal, in quotes. Default: those that it has, else "0600".',
    }),
});

export type FileOptions = z.output<typeof fileOptions>;
