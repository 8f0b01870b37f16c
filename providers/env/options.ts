import * as z from 'zod';

const variable = (description: string, standard: string) =>
  z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, not a value')
    .default(standard)
    .meta({ description: `${description} Default ${standard}. The same name with \`_FILE\` may name a file instead.` });

/** Names of variables, never values. */
export const envOptions = z.strictObject({
  clientId: variable('Name of the variable that holds the client id.', 'FUSION_CLIENT_ID'),
  clientSecret: variable('Name of the variable that holds the client secret.', 'FUSION_CLIENT_SECRET'),
  dotenv: z.string().min(1).optional().meta({
    description:
      'A dotenv file to read as well; the real environment wins. Never read unless named. A path: absolute, `~/…`, or relative to the config file.',
  }),
});

export type EnvOptions = z.output<typeof envOptions>;
