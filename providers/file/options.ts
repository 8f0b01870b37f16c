import * as z from 'zod';
import { fileOption } from '../../src/secret/option-types.js';

export const fileOptions = z.strictObject({
  path: fileOption("The file. With systemd's LoadCredential: `${CREDENTIALS_DIRECTORY}/name`."),
  mode: z
    .string()
    .regex(/^0?[0-7]{3}$/, 'must be three octal digits in quotes, such as "0640"')
    .refine((text) => (Number.parseInt(text, 8) & 0o002) === 0, 'must not let everybody write')
    .default('0600')
    .meta({ description: 'Permissions of the file where a token is written to it, octal, in quotes. Default "0600".' }),
});

export type FileOptions = z.output<typeof fileOptions>;
