import {
  CreateSecretCommand,
  DescribeSecretCommand,
  InvalidParameterException,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import type { AwsStub } from 'aws-sdk-client-mock';

export type ClientMock = AwsStub<object, { $metadata: object }, SecretsManagerClient['config']>;
export type Action = 'create' | 'describe' | 'put' | 'move';

/** One secret, by the rules of the API reference, behind a mock of the client. */
export interface SecretModel {
  arn: string;
  exists: boolean;
  /** Values by version id. */
  versions: Map<string, string>;
  /** Version ids by label. */
  labels: Map<string, string>;
  calls: Action[];
  /** Runs before an action takes place; what it throws is the answer, and the action does not take place. */
  before(action: Action, hook: () => void | Promise<void>): void;
  /** Runs once after the next such action; what it throws takes the place of the answer. */
  after(action: Action, hook: () => void | Promise<void>): void;
  /** Somebody else's PutSecretValue without a label. */
  putCurrent(id: string, value: string): void;
  moveCurrent(to: string, from: string | undefined): void;
  readonly current: string | undefined;
}

const metadata = { $metadata: { httpStatusCode: 400, requestId: 'request-1' } };
export const notFound = () =>
  new ResourceNotFoundException({ message: "Secrets Manager can't find the specified secret.", ...metadata });

export function modelSecret(client: ClientMock, arn: string): SecretModel {
  const hooks = new Map<string, () => void | Promise<void>>();

  async function act<T>(action: Action, work: () => T): Promise<T> {
    model.calls.push(action);
    await hooks.get(`before ${action}`)?.();
    if (!model.exists && action !== 'create') throw notFound();
    const result = work();
    const after = hooks.get(`after ${action}`);
    hooks.delete(`after ${action}`);
    await after?.();
    return result;
  }

  function add(id: string, value: string, stages: readonly string[]) {
    const existing = model.versions.get(id);
    if (existing !== undefined && existing !== value) {
      throw new ResourceExistsException({ message: 'marked: a version with this token already exists', ...metadata });
    }
    if (existing === undefined) {
      const first = model.versions.size === 0;
      model.versions.set(id, value);
      for (const label of stages) model.labels.set(label, id);
      if (first) model.labels.set('AWSCURRENT', id);
    }
    return { ARN: arn, VersionId: id, VersionStages: stagesOf(id) };
  }

  const stagesOf = (id: string) => [...model.labels].filter(([, holder]) => holder === id).map(([label]) => label);

  const model: SecretModel = {
    arn,
    exists: true,
    versions: new Map(),
    labels: new Map(),
    calls: [],
    before: (action, hook) => void hooks.set(`before ${action}`, hook),
    after: (action, hook) => void hooks.set(`after ${action}`, hook),
    putCurrent(id, value) {
      model.versions.set(id, value);
      const previous = model.current;
      if (previous !== undefined) model.labels.set('AWSPREVIOUS', previous);
      model.labels.set('AWSCURRENT', id);
    },
    moveCurrent(to, from) {
      if (model.current !== from || !model.versions.has(to)) {
        throw new InvalidParameterException({ message: 'marked: the label is on another version', ...metadata });
      }
      if (from !== undefined) model.labels.set('AWSPREVIOUS', from);
      model.labels.set('AWSCURRENT', to);
    },
    get current() {
      return model.labels.get('AWSCURRENT');
    },
  };

  client.on(CreateSecretCommand).callsFake(({ ClientRequestToken = '', SecretString = '' }) =>
    act('create', () => {
      if (model.exists) throw new ResourceExistsException({ message: 'marked: it already exists', ...metadata });
      model.exists = true;
      return add(ClientRequestToken, SecretString, []);
    }),
  );
  client.on(DescribeSecretCommand).callsFake(() =>
    act('describe', () => ({
      ARN: arn,
      VersionIdsToStages: Object.fromEntries(
        [...model.versions.keys()].map((id) => [id, stagesOf(id)] as const).filter(([, labels]) => labels.length > 0),
      ),
    })),
  );
  client
    .on(PutSecretValueCommand)
    .callsFake(({ ClientRequestToken = '', SecretString = '', VersionStages = [] }) =>
      act('put', () => add(ClientRequestToken, SecretString, VersionStages)),
    );
  client.on(UpdateSecretVersionStageCommand).callsFake(({ MoveToVersionId = '', RemoveFromVersionId }) =>
    act('move', () => {
      model.moveCurrent(MoveToVersionId, RemoveFromVersionId);
      return { ARN: arn };
    }),
  );
  return model;
}
