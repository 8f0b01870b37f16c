import { fileURLToPath } from 'node:url';
import { type Keys, type Moto, startMoto } from '../../live/servers/moto.js';

const PATCH = fileURLToPath(new URL('../moto', import.meta.url));
/** What the modules make there. */
const SERVICES = ['secretsmanager', 'iam', 'kms', 'lambda', 'logs', 'sts', 'eks'];

/** moto with its IAM in force, resources included, and a provider block that leads Terraform to it. */
export async function startAwsStand(): Promise<{ moto: Moto; admin: Keys; providerBlock: string }> {
  const moto = await startMoto({ pythonPath: PATCH });
  const admin = await moto.createUser('terraform', ['*']);
  const endpoints = SERVICES.map((service) => `    ${service} = "${moto.endpoint}"`).join('\n');
  const providerBlock = `provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "${admin.accessKeyId}"
  secret_key                  = "${admin.secretAccessKey}"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
  endpoints {
${endpoints}
  }
}
`;
  return { moto, admin, providerBlock };
}
