import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';

export interface SeenRequest {
  headers: IncomingHttpHeaders;
  input: Record<string, unknown>;
  /** The id of the key that signed it. */
  accessKeyId: string | undefined;
  /** The region that it was signed for. */
  region: string | undefined;
}

export interface FakeSecretsManager {
  endpoint: string;
  requests: SeenRequest[];
  write(value: string): void;
  /** Takes the place of every answer until it is set to undefined; `hang` gives none. */
  answer: 'hang' | { status: number; headers?: Record<string, string>; body: string } | undefined;
  close(): Promise<void>;
}

const JSON_TYPE = { 'content-type': 'application/x-amz-json-1.1' };

/** GetSecretValue over HTTP for one secret named `ims/fusion`, for what a mock of the client cannot do. */
export async function startFakeSecretsManager(): Promise<FakeSecretsManager> {
  let value = '';
  let version = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const input = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>;
      const [, accessKeyId, region] =
        /Credential=([^/]+)\/\d+\/([^/]+)\/secretsmanager\//.exec(request.headers.authorization ?? '') ?? [];
      fake.requests.push({ headers: request.headers, input, accessKeyId, region });
      const { answer } = fake;
      if (answer === 'hang') return;
      const { status, headers, body } = answer ?? respond(request.headers['x-amz-target'], input);
      response.writeHead(status, { ...JSON_TYPE, 'x-amzn-requestid': 'request-1', ...headers }).end(body);
    });
  });

  function respond(target: unknown, { SecretId: id, VersionStage: stage }: Record<string, unknown>) {
    const known = target === 'secretsmanager.GetSecretValue' && id === 'ims/fusion' && stage === 'AWSCURRENT';
    return known
      ? {
          status: 200,
          headers: {},
          body: JSON.stringify({
            Name: id,
            VersionId: `version-${String(version).padStart(32, '0')}`,
            VersionStages: ['AWSCURRENT'],
            SecretString: value,
            CreatedDate: 1_700_000_000.5,
          }),
        }
      : awsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  const fake: FakeSecretsManager = {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests: [],
    answer: undefined,
    write(next) {
      value = next;
      version++;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return fake;
}

/** An error as the AWS JSON 1.1 protocol writes it. */
export function awsError(type: string, message: string, status = 400, headers: Record<string, string> = {}) {
  return { status, headers, body: JSON.stringify({ __type: type, Message: message, message }) };
}
