import * as z from 'zod';
import { ADDRESS_FORM, parseTcpAddress } from '../net/listen-address.js';
import { fileOption } from '../secret/option-types.js';

export const SINK_FORMATS = ['raw', 'json', 'env', 'dotenv'] as const;

const OCTAL = "must be an octal number in quotes, for example '0640'";
const VARIABLE_NAME =
  'must be the name of a variable, for example FUSION_ACCESS_TOKEN: letters, digits and _, no digit first';

/** A number would be read as YAML 1.2 does: 0640 is six hundred and forty there. */
const mode = (description: string) =>
  z
    .string(OCTAL)
    .regex(/^0?[0-7]{3}$/, OCTAL)
    .transform((text) => Number.parseInt(text, 8))
    .meta({ description: `${description} An octal number in quotes.` });

const address = z
  .string()
  .min(1)
  .refine((text) => /^unix:./.test(text) || parseTcpAddress(text) !== undefined, ADDRESS_FORM);

const addresses = (description: string) =>
  z
    .union([address, z.array(address)])
    .transform((value) => [value].flat())
    .refine((list) => list.length > 0, 'must name at least one address')
    .meta({ description });

const owner = (what: string) =>
  z
    .union([z.string().min(1), z.int().min(0)])
    .optional()
    .meta({ description: `${what} A name or a number.` });

const sinkOptions = z
  .strictObject({
    path: fileOption('The file to keep fresh; replaced as a whole. Its folder must exist.'),
    profile: z.string().min(1).optional().meta({
      description: 'Whose token. Default: the default profile.',
    }),
    format: z.enum(SINK_FORMATS).default('raw').meta({
      description:
        'raw: the token alone; json: with its facts, as `imsvault token -o json`; env: an export line for a shell; dotenv: the same without `export`. Default raw.',
    }),
    variable: z
      .string()
      .regex(/^[A-Za-z_]\w{0,127}$/, VARIABLE_NAME)
      .default('FUSION_ACCESS_TOKEN')
      .meta({ description: 'Name of the variable of env and dotenv. Default FUSION_ACCESS_TOKEN.' }),
    template: fileOption('An eta template that makes the content instead of a format. A template is code.').optional(),
    mode: mode("The file's permissions, whatever the umask. Default '0600'.").default(0o600),
    owner: owner("The file's owner; takes the right to give files away. Default: the agent's user."),
    group: owner("The file's group. Default: the agent's."),
  })
  .meta({ description: 'A file that holds the current token.' });

export const agentOptions = z
  .strictObject({
    listen: addresses(
      'Where the agent listens: ADDRESS:PORT, or unix: and a path. One or a list of them. Default 127.0.0.1:7717.',
    ).default(['127.0.0.1:7717']),
    healthListen: addresses(
      'Where /livez, /readyz and /metrics alone are served, to everybody who reaches it. Default: nowhere.',
    ).optional(),
    allowRemote: z.boolean().default(false).meta({
      description: 'Permit addresses that other machines reach; takes `tls`. Default false.',
    }),
    hostNames: z.array(z.string().min(1)).default([]).meta({
      description:
        'Names by which clients reach a remote address, beside the address itself; without a port. Default none.',
    }),
    tls: z
      .strictObject({
        certFile: fileOption('PEM file of the certificate, with its chain; read at the start and when it changes.'),
        keyFile: fileOption("PEM file of the certificate's key; read at the start and when it changes."),
      })
      .optional()
      .meta({ description: 'For every TCP address of `listen`. Default: clear text.' }),
    tokenFile: fileOption(
      'Holds the access token that clients of the agent must show; made where it does not exist. Default: agent-token in $RUNTIME_DIRECTORY, else imsvault-agent-token in $XDG_RUNTIME_DIR.',
    ).optional(),
    tokenFileMode: mode(
      "The permissions that it is made with, and the most that it may have; at most '0640'. Default '0600', with `group` '0640'.",
    ).optional(),
    group: owner("Group of the access token's file and of Unix sockets, which it may then use. Default: the agent's."),
    requiredProfiles: z.array(z.string().min(1)).optional().meta({
      description: 'The profiles without whose token /readyz says 503. Default: all.',
    }),
    sinks: z.array(sinkOptions).default([]).meta({ description: 'Files that hold current tokens.' }),
  })
  .superRefine(({ sinks }, context) => {
    for (const [index, { template, format }] of sinks.entries()) {
      if (template === undefined || format === 'raw') continue;
      context.addIssue({
        code: 'custom',
        path: ['sinks', index, 'template'],
        message: 'give format or template, not both',
      });
    }
  })
  .meta({ description: 'What `imsvault serve` does with the profiles.' });
