import * as z from 'zod';
import { isLoopbackHost } from '../../src/net/loopback.js';

const arn = (service: string, rest: string) => new RegExp(`^arn:aws[a-z0-9-]*:${service}:${rest}$`);

const assumeRole = z
  .strictObject({
    roleArn: z
      .string()
      .regex(
        arn('iam', ':\\d{12}:role/[\\w+=,.@/-]+'),
        'must be the ARN of a role: arn:aws:iam::123456789012:role/name',
      )
      .meta({ description: 'ARN of the role to assume before the secret is read.' }),
    externalId: z
      .string()
      .regex(/^[\w+=,.@:/-]{2,1224}$/, 'must be 2 to 1224 letters, digits and +=,.@:/-')
      .optional()
      .meta({ description: "External id that the role's trust policy asks for. 2 to 1224 characters. Default none." }),
    sessionName: z
      .string()
      .regex(/^[\w+=,.@-]{2,64}$/, 'must be 2 to 64 letters, digits and +=,.@-')
      .default('imsvault')
      .meta({ description: 'Name of the session, which CloudTrail shows. 2 to 64 characters. Default imsvault.' }),
    durationSeconds: z.int().min(900).max(43_200).optional().meta({
      description:
        "How long the role's credentials live, in seconds. 900 to 43200, and at most 3600 where a role assumes another. Default 3600, set by AWS.",
    }),
  })
  .meta({ description: 'A role to assume with the credentials found first. Needs the package @aws-sdk/client-sts.' });

/** It becomes a part of the host that requests go to. */
export const REGION = /^[a-z0-9-]{1,63}$/;

/** Regions begin with two letters, but for `eusc-de-east-1`. */
const SECRET_ARN = arn('secretsmanager', '([a-z]{2,4}(?:-[a-z]+)+-\\d+):\\d{12}:secret:[\\w/+=.@-]+');

/** @returns undefined where `secretId` is no ARN of a secret */
export function regionOfArn(secretId: string): string | undefined {
  return SECRET_ARN.exec(secretId)?.[1];
}

/** Bounds are those of GetSecretValue and AssumeRole in the AWS API reference. */
export const awsSecretsManagerOptions = z
  .strictObject({
    secretId: z
      .string()
      .regex(/^[\w/+=.@:-]{1,2048}$/, "must be a secret's name or ARN: 1 to 2048 letters, digits and /_+=.@-")
      .refine(
        (secretId) => !secretId.startsWith('arn:') || regionOfArn(secretId) !== undefined,
        'must be the whole ARN of a secret: arn:aws:secretsmanager:eu-west-1:123456789012:secret:name-AbCdEf',
      )
      .meta({ description: 'Name or ARN of the secret; its ARN where another account owns it. 1 to 2048 characters.' }),
    versionStage: z.string().min(1).max(256).optional().meta({
      description: 'Staging label of the version to read. 1 to 256 characters. Default AWSCURRENT.',
    }),
    versionId: z.string().min(32).max(64).optional().meta({
      description:
        'Id of one version to read. 32 to 64 characters. With versionStage, both must mean the same version. Default: by stage.',
    }),
    region: z.string().regex(REGION, 'must be the name of a region, such as eu-west-1').optional().meta({
      description:
        "AWS region, such as eu-west-1. Default: the region in the secret's ARN, AWS_REGION, AWS_DEFAULT_REGION, or the profile's.",
    }),
    endpoint: z
      .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
      .optional()
      .meta({
        description:
          "Address of Secrets Manager, a URL: a VPC endpoint or an emulator. Default AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_ENDPOINT_URL, or the region's.",
      }),
    allowSecretsOverPlainHttp: z.boolean().default(false).meta({
      description:
        'Accept http:// endpoints other than loopback. Risk: everybody on the way can read the secrets. Default false.',
    }),
    awsProfile: z.string().min(1).optional().meta({
      description: 'Profile of ~/.aws/config and ~/.aws/credentials. Default AWS_PROFILE, else "default".',
    }),
    assumeRole: assumeRole.optional(),
  })
  .superRefine(({ endpoint, allowSecretsOverPlainHttp }, context) => {
    if (endpoint === undefined || allowSecretsOverPlainHttp || isPrivateUrl(endpoint)) return;
    context.addIssue({
      code: 'custom',
      path: ['endpoint'],
      message: 'must start with https://; over plain http everybody on the way can read the secret',
    });
  });

/** Whether nobody on the way can read what goes to `url`. */
export function isPrivateUrl(url: string): boolean {
  if (!URL.canParse(url)) return true;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || isLoopbackHost(hostname);
}

export type AwsSecretsManagerOptions = z.output<typeof awsSecretsManagerOptions>;
export type RefOption = 'secretId' | 'versionStage' | 'versionId';
export type AwsConnection = Omit<AwsSecretsManagerOptions, RefOption>;
export type AwsSecretRef = Pick<AwsSecretsManagerOptions, RefOption>;
