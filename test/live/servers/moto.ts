import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, request as sendHttp } from 'node:http';
import { findBinary, freePort, startServer } from './process.js';

/** One request that reached the server. */
export interface AwsRequest {
  /** `GetSecretValue`, `AssumeRole`. */
  action: string;
  /** The id of the key that signed it; undefined where it was not signed. */
  accessKeyId: string | undefined;
  /** The region that it was signed for. */
  region: string | undefined;
  body: string;
}

export interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  /** ISO 8601. */
  expiration?: string;
}

export interface Moto {
  port: number;
  endpoint: string;
  requests: AwsRequest[];
  putSecret(name: string, value: string | Uint8Array): Promise<void>;
  /** A user that may do `actions`; its keys. */
  createUser(name: string, actions: readonly string[]): Promise<Keys>;
  /** Replaces what a user may do. */
  allowUser(name: string, actions: readonly string[]): Promise<void>;
  /** A role that anybody in the account may assume, or only with `externalId`; its ARN. */
  createRole(name: string, actions: readonly string[], externalId?: string): Promise<string>;
  /** A session of a role, as EC2 or ECS have it from AWS. */
  assumeRole(roleArn: string): Promise<Keys>;
  /** From now on this many actions are not checked; then all of them are again. */
  leaveUnchecked(actions: number): Promise<void>;
  close(): Promise<void>;
}

const ACCOUNT = '123456789012';
const REGION = 'eu-west-1';

/**
 * moto (Secrets Manager, STS, IAM) with its IAM in force: it checks signatures, session tokens and policies.
 * A relay before it records who signed each request, and puts right where moto differs from AWS:
 * it refuses in XML also where the protocol is JSON, and it cannot take AssumeRoleWithWebIdentity, which is unsigned.
 * @param options.pythonPath a folder with a sitecustomize.py that changes moto
 */
export async function startMoto({ pythonPath = '' } = {}): Promise<Moto> {
  const port = await freePort();
  const moto = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: 'moto',
    command: findBinary('moto_server', 'IMSVAULT_TEST_MOTO_BIN', "run: pip install 'moto[server]'"),
    args: ['-H', '127.0.0.1', '-p', String(port)],
    env: { PATH: process.env.PATH ?? '', INITIAL_NO_AUTH_ACTION_COUNT: '0', PYTHONPATH: pythonPath },
    readyUrl: `${moto}/moto-api/`,
  });
  const requests: AwsRequest[] = [];

  const leaveUnchecked = async (actions: number) =>
    void (await fetch(`${moto}/moto-api/reset-auth`, { method: 'POST', body: String(actions) }));
  const openOnce = () => leaveUnchecked(1);

  async function asAdmin(service: string, body: string, headers: Record<string, string>): Promise<string> {
    await openOnce();
    const scope = `20300101/${REGION}/${service}/aws4_request`;
    const authorization = `AWS4-HMAC-SHA256 Credential=admin/${scope}, SignedHeaders=host, Signature=none`;
    const response = await fetch(moto, { method: 'POST', headers: { authorization, ...headers }, body });
    const text = await response.text();
    if (!response.ok) throw Object.assign(new Error(`moto refused: ${text}`), { status: response.status });
    return text;
  }
  const query = (service: string, version: string, parameters: Record<string, string>) =>
    asAdmin(service, new URLSearchParams({ ...parameters, Version: version }).toString(), {
      'content-type': 'application/x-www-form-urlencoded',
    });
  const iam = (parameters: Record<string, string>) => query('iam', '2010-05-08', parameters);
  const secretsManager = (action: string, input: object) =>
    asAdmin('secretsmanager', JSON.stringify(input), {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `secretsmanager.${action}`,
    });
  const allowUser = (name: string, actions: readonly string[]) =>
    iam({ Action: 'PutUserPolicy', UserName: name, PolicyName: 'test', PolicyDocument: policy(actions) });

  async function relay(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const seen = describeRequest(incoming, body.toString('utf8'));
    requests.push(seen);
    if (seen.action === 'AssumeRoleWithWebIdentity') await openOnce();
    const upstream = sendHttp({
      port,
      host: '127.0.0.1',
      method: incoming.method,
      path: incoming.url,
      headers: incoming.headers,
    });
    upstream.on('error', () => response.destroy());
    upstream.end(body);
    const [answer] = (await once(upstream, 'response')) as [IncomingMessage];
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString('utf8');
    const { 'content-length': _length, 'transfer-encoding': _coding, ...headers } = answer.headers;
    const refused = incoming.headers['x-amz-target'] !== undefined && text.startsWith('<?xml');
    response.writeHead(answer.statusCode ?? 500, {
      ...headers,
      ...(refused ? { 'content-type': 'application/x-amz-json-1.1' } : {}),
    });
    response.end(refused ? jsonRefusal(text) : text);
  }

  const gateway = createServer((incoming, response) => {
    relay(incoming, response).catch(() => response.destroy());
  });
  gateway.listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  const address = gateway.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');

  return {
    port: address.port,
    endpoint: `http://127.0.0.1:${address.port}`,
    requests,
    async putSecret(name, value) {
      const content =
        typeof value === 'string' ? { SecretString: value } : { SecretBinary: Buffer.from(value).toString('base64') };
      await secretsManager('PutSecretValue', { SecretId: name, ...content }).catch((error: { status?: number }) => {
        if (error.status !== 404) throw error;
        return secretsManager('CreateSecret', { Name: name, ...content });
      });
    },
    async createUser(name, actions) {
      await iam({ Action: 'CreateUser', UserName: name });
      await allowUser(name, actions);
      return keysIn(await iam({ Action: 'CreateAccessKey', UserName: name }));
    },
    allowUser: async (name, actions) => void (await allowUser(name, actions)),
    async createRole(name, actions, externalId) {
      const condition =
        externalId === undefined ? {} : { Condition: { StringEquals: { 'sts:ExternalId': externalId } } };
      const trust = { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole', ...condition };
      await iam({
        Action: 'CreateRole',
        RoleName: name,
        AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }),
      });
      await iam({ Action: 'PutRolePolicy', RoleName: name, PolicyName: 'test', PolicyDocument: policy(actions) });
      return `arn:aws:iam::${ACCOUNT}:role/${name}`;
    },
    async assumeRole(roleArn) {
      return keysIn(
        await query('sts', '2011-06-15', { Action: 'AssumeRole', RoleArn: roleArn, RoleSessionName: 'instance' }),
      );
    },
    leaveUnchecked,
    async close() {
      gateway.closeAllConnections();
      gateway.close();
      await once(gateway, 'close');
      await server.stop();
    },
  };
}

function policy(actions: readonly string[]): string {
  const Statement = actions.map((Action) => ({ Effect: 'Allow', Action, Resource: '*' }));
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

function describeRequest({ headers }: IncomingMessage, body: string): AwsRequest {
  const [, accessKeyId, region] = /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(headers.authorization ?? '') ?? [];
  const action = String(headers['x-amz-target'] ?? '').split('.')[1] ?? new URLSearchParams(body).get('Action') ?? '';
  return { action, accessKeyId, region, body };
}

function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
}

function keysIn(xml: string): Keys {
  const [accessKeyId, secretAccessKey] = [element(xml, 'AccessKeyId'), element(xml, 'SecretAccessKey')];
  const [sessionToken, expiration] = [element(xml, 'SessionToken'), element(xml, 'Expiration')];
  if (accessKeyId === undefined || secretAccessKey === undefined) throw new Error('moto gave no keys');
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(expiration === undefined ? {} : { expiration }),
  };
}

/** The names that these refusals have in the JSON protocol ("Common errors" in the AWS API reference). */
const JSON_NAMES: Record<string, string> = {
  AccessDenied: 'AccessDeniedException',
  InvalidClientTokenId: 'UnrecognizedClientException',
  SignatureDoesNotMatch: 'InvalidSignatureException',
};

function jsonRefusal(xml: string): string {
  const code = element(xml, 'Code') ?? 'Unknown';
  return JSON.stringify({ __type: JSON_NAMES[code] ?? code, Message: element(xml, 'Message') });
}
