import { once } from 'node:events';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, request as sendHttp } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `request`: it never reaches the server; `answer`: it takes place, and nobody hears of it. */
export type Loss = 'request' | 'answer';

/** What one secret has held, by the requests that passed here. */
export interface SecretUse {
  versions: number;
  labels: string[];
  mostVersions: number;
  mostLabels: number;
}

export interface AwsLimitsProxy {
  port: number;
  endpoint: string;
  /** `PutSecretValue 200`, in order. */
  requests: string[];
  use(name: string): SecretUse;
  /** Makes every version older. */
  age(ms: number): void;
  /** The next request for `action` breaks its connection. */
  loseNext(action: string, what: Loss): void;
  close(): Promise<void>;
}

const MAX_LABELS = 20;
const MAX_VERSIONS = 100;
/** "It does not remove versions created less than 24 hours ago" (PutSecretValue in the API reference). */
const MIN_AGE_MS = 86_400_000;

interface Secret {
  /** When each was made, by version id, oldest first. */
  versions: Map<string, number>;
  /** The version that has it, by label. */
  labels: Map<string, string>;
  mostVersions: number;
  mostLabels: number;
}

interface Input {
  Name?: string;
  SecretId?: string;
  ClientRequestToken?: string;
  SecretString?: string;
  SecretBinary?: string;
  VersionStages?: string[];
  VersionStage?: string;
  MoveToVersionId?: string;
}

interface Answer {
  status: number;
  headers: OutgoingHttpHeaders;
  body: Buffer;
}

/**
 * A relay before moto that holds Secrets Manager's quotas, which moto does not know: 20 staging labels and 100 versions a
 * secret, and old versions without a label removed when a new one needs the room. Writes to a secret pass one by one,
 * because each call is atomic at AWS. Refusals have the status that AWS gives them, 400.
 */
export async function startAwsLimitsProxy(targetPort: number): Promise<AwsLimitsProxy> {
  const secrets = new Map<string, Secret>();
  const queues = new Map<string, Promise<unknown>>();
  const losses = new Map<string, Loss>();
  const requests: string[] = [];
  let agedMs = 0;
  const now = () => performance.now() + agedMs;

  function secretOf(name: string): Secret {
    const secret = secrets.get(name) ?? { versions: new Map(), labels: new Map(), mostVersions: 0, mostLabels: 0 };
    secrets.set(name, secret);
    return secret;
  }

  /** Whether the request stays within the quotas. */
  function makeRoom(action: string, input: Input, { versions, labels }: Secret): boolean {
    const added = labelsOf(action, input).filter((label) => !labels.has(label));
    if (labels.size + added.length > MAX_LABELS) return false;
    if (action !== 'PutSecretValue' || versions.has(input.ClientRequestToken ?? '')) return true;
    const labelled = new Set(labels.values());
    for (const [id, createdAt] of versions) {
      if (versions.size < MAX_VERSIONS) break;
      if (!labelled.has(id) && now() - createdAt >= MIN_AGE_MS) versions.delete(id);
    }
    return versions.size < MAX_VERSIONS;
  }

  function record(action: string, input: Input, secret: Secret): void {
    const { versions, labels } = secret;
    const { ClientRequestToken: id = '', MoveToVersionId: moveTo } = input;
    const hasValue = input.SecretString !== undefined || input.SecretBinary !== undefined;
    const target = action === 'UpdateSecretVersionStage' ? moveTo : hasValue ? id : undefined;
    if (target === undefined || (action === 'PutSecretValue' && versions.has(id))) return;
    if (action !== 'UpdateSecretVersionStage') versions.set(target, now());
    const current = labels.get('AWSCURRENT');
    for (const label of labelsOf(action, input)) labels.set(label, target);
    if (current === undefined) labels.set('AWSCURRENT', target);
    else if (labels.get('AWSCURRENT') !== current) labels.set('AWSPREVIOUS', current);
    secret.mostVersions = Math.max(secret.mostVersions, versions.size);
    secret.mostLabels = Math.max(secret.mostLabels, labels.size);
  }

  async function handle(action: string, input: Input, forward: () => Promise<Answer>): Promise<Answer> {
    const secret = secretOf(nameIn(input.Name ?? input.SecretId ?? ''));
    if (!makeRoom(action, input, secret)) return LIMIT_EXCEEDED;
    const answer = await forward();
    if (answer.status === 200) record(action, input, secret);
    return answer;
  }

  async function relay(incoming: IncomingMessage): Promise<Answer | undefined> {
    const body = await bytesOf(incoming);
    const action = String(incoming.headers['x-amz-target'] ?? '').split('.')[1] ?? '';
    const loss = losses.get(action);
    losses.delete(action);
    if (loss === 'request') return undefined;
    const forward = () => send(targetPort, incoming, body);
    let answer: Answer;
    if (WRITES.has(action)) {
      const input = JSON.parse(body.toString('utf8')) as Input;
      const name = nameIn(input.Name ?? input.SecretId ?? '');
      const turn = (queues.get(name) ?? Promise.resolve()).then(() => handle(action, input, forward));
      queues.set(
        name,
        turn.catch(() => undefined),
      );
      answer = await turn;
    } else {
      answer = await forward();
    }
    requests.push(`${action} ${answer.status}`);
    return loss === 'answer' ? undefined : answer;
  }

  const server = createServer((incoming, response) => {
    relay(incoming).then(
      (answer) => {
        if (answer === undefined) incoming.socket.resetAndDestroy();
        else response.writeHead(answer.status, answer.headers).end(answer.body);
      },
      () => incoming.socket.resetAndDestroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    use(name) {
      const { versions, labels, mostVersions, mostLabels } = secretOf(name);
      return { versions: versions.size, labels: [...labels.keys()].sort(), mostVersions, mostLabels };
    },
    age(ms) {
      agedMs += ms;
    },
    loseNext: (action, what) => void losses.set(action, what),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const WRITES = new Set(['CreateSecret', 'PutSecretValue', 'UpdateSecretVersionStage']);

const LIMIT_EXCEEDED: Answer = {
  status: 400,
  headers: { 'content-type': 'application/x-amz-json-1.1' },
  body: Buffer.from(
    JSON.stringify({
      __type: 'LimitExceededException',
      Message: 'The request failed because it would exceed one of the Secrets Manager quotas.',
    }),
  ),
};

function labelsOf(action: string, { VersionStages, VersionStage, MoveToVersionId }: Input): string[] {
  if (action === 'UpdateSecretVersionStage') {
    return MoveToVersionId === undefined || VersionStage === undefined ? [] : [VersionStage];
  }
  return VersionStages ?? ['AWSCURRENT'];
}

/** `arn:partition:secretsmanager:region:account:secret:NAME-AbCdEf` */
function nameIn(id: string): string {
  return id.startsWith('arn:') ? id.split(':').slice(6).join(':').slice(0, -7) : id;
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function send(port: number, { method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
  const upstream = sendHttp({ host: '127.0.0.1', port, method, path: url, headers });
  upstream.end(body);
  const [answer] = (await once(upstream, 'response')) as [IncomingMessage];
  const { 'transfer-encoding': _coding, 'content-length': _length, ...rest } = answer.headers;
  const status = answer.statusCode ?? 502;
  return { status: status === 404 || status === 409 ? 400 : status, headers: rest, body: await bytesOf(answer) };
}
