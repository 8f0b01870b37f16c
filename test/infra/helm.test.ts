import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { loadConfig } from '../../src/config/load-config.js';
import { emulated, run } from '../cli/support.js';
import { containersOf, type Manifest, podOf } from './kubernetes.js';
import { describeWith, type RunTool } from './tools.js';

const helmDir = fileURLToPath(new URL('../../infra/helm/', import.meta.url));
const chart = join(helmDir, 'imsvault');
const everything = join(chart, 'ci/everything-values.yaml');
/** The oldest that the chart takes, and a newer one. */
const KUBERNETES = ['1.29', '1.37'];

const folder = mkdtempSync(join(tmpdir(), 'imsvault-helm-'));
const exampleApp = join(folder, 'example-app');
cpSync(join(helmDir, 'example-app'), exampleApp, { recursive: true });
mkdirSync(join(exampleApp, 'charts'));
cpSync(chart, join(exampleApp, 'charts/imsvault'), { recursive: true });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const render = (helm: RunTool, path: string, ...args: string[]) =>
  helm('template', 'ims', path, '--namespace', 'apps', '--kube-version', '1.33', ...args);

function manifestsOf(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

const recipe = (name: string) =>
  manifestsOf(readFileSync(fileURLToPath(new URL(`../../infra/kubernetes/${name}`, import.meta.url)), 'utf8'));

function failureOf(run: () => string): string {
  try {
    run();
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
  throw new Error('helm took it');
}

describeWith('helm', 'the charts', (helm) => {
  let count = 0;
  /** The chart with everything on, and `values` over it. */
  function withValues(values: object, ...args: string[]): string {
    const file = join(folder, `values-${++count}.yaml`);
    writeFileSync(file, stringify(values));
    return render(helm, chart, '-f', everything, '-f', file, ...args);
  }
  const all = () => manifestsOf(render(helm, chart, '-f', everything));
  const example = () => manifestsOf(render(helm, exampleApp));
  function find(manifests: Manifest[], kind: string, name?: string): Manifest {
    const found = manifests.find((one) => one.kind === kind && (name === undefined || one.metadata.name === name));
    if (found === undefined) throw new Error(`no ${kind} ${name ?? ''}`);
    return found;
  }

  it('satisfy helm lint', () => {
    expect(helm('lint', '--strict', '--quiet', chart, '-f', everything)).not.toContain('ERROR');
    expect(helm('lint', '--strict', '--quiet', exampleApp)).not.toContain('ERROR');
  });

  it('make each object that they are for', () => {
    expect(
      all()
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
        .sort(),
    ).toEqual([
      'ConfigMap ims-agent',
      'ConfigMap ims-config',
      'CronJob ims-renewer',
      'Deployment ims',
      'NetworkPolicy ims',
      'PodDisruptionBudget ims',
      'PodMonitor ims',
      'Service ims',
      'ServiceAccount ims',
    ]);
    expect(
      example()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['ConfigMap', 'Deployment', 'Job', 'NetworkPolicy', 'ServiceAccount']);
  });

  describe('every container', () => {
    const pods = () => [...all(), ...example()].flatMap((manifest) => podOf(manifest) ?? []);
    const containers = () => pods().flatMap(containersOf);

    it('may do nothing that it need not', () => {
      expect(containers()).toHaveLength(6);
      for (const { securityContext } of containers()) {
        expect(securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          runAsUser: expect.any(Number),
          capabilities: { drop: ['ALL'] },
          seccompProfile: { type: 'RuntimeDefault' },
        });
        expect(securityContext).not.toHaveProperty('privileged');
      }
      for (const pod of pods()) {
        expect(pod).toMatchObject({
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, fsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
        });
        expect(pod).not.toHaveProperty('hostNetwork');
        for (const volume of pod.volumes ?? []) expect(volume).not.toHaveProperty('hostPath');
      }
    });

    it('names a version of its image, and what it needs of a machine', () => {
      for (const { image, resources } of containers()) {
        expect(image).toMatch(/:\d+\.\d+\.\d+$/);
        expect(resources).toMatchObject({
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { memory: expect.any(String) },
        });
      }
    });

    it('mounts volumes that its pod has', () => {
      for (const pod of pods()) {
        const volumes = (pod.volumes ?? []).map(({ name }) => name);
        for (const { volumeMounts = [] } of containersOf(pod)) {
          for (const { name } of volumeMounts) expect(volumes).toContain(name);
        }
      }
    });
  });

  describe('the sidecar', () => {
    it.each(['Deployment', 'Job'])('of a %s starts before the others and ends with them', (kind) => {
      const pod = podOf(find(example(), kind));
      expect(pod?.initContainers).toHaveLength(1);
      expect(pod?.initContainers?.[0]).toMatchObject({
        restartPolicy: 'Always',
        startupProbe: { httpGet: { path: '/readyz', port: 'imsvault-health' } },
        livenessProbe: { httpGet: { path: '/livez', port: 'imsvault-health' } },
        ports: [{ name: 'imsvault-health', containerPort: 7718 }],
      });
      expect(pod?.initContainers?.[0]).not.toHaveProperty('readinessProbe');
    });

    it('shares its folder in memory: writable for itself, readable for the group of the pod', () => {
      const pod = podOf(find(example(), 'Deployment'));
      const [sidecar] = pod?.initContainers ?? [];
      const [app] = pod?.containers ?? [];
      expect(pod?.volumes).toContainEqual({
        name: 'imsvault-run',
        emptyDir: { medium: 'Memory', sizeLimit: '1Mi' },
      });
      expect(sidecar?.volumeMounts).toContainEqual({ name: 'imsvault-run', mountPath: '/run/imsvault' });
      expect(sidecar?.args).toEqual(
        expect.arrayContaining(['--token-file=/run/imsvault/agent-token', '--token-file-mode=0640']),
      );
      expect(app?.volumeMounts).toEqual([{ name: 'imsvault-run', mountPath: '/run/imsvault', readOnly: true }]);
      expect(app?.securityContext?.runAsUser).not.toBe(sidecar?.securityContext?.runAsUser);
    });

    it('serves tokens to its pod only', () => {
      const [sidecar] = podOf(find(example(), 'Deployment'))?.initContainers ?? [];
      expect(sidecar?.args?.filter((arg) => arg.startsWith('--listen'))).toEqual(['--listen=127.0.0.1:7717']);
    });
  });

  describe('the agent of the cluster', () => {
    it('is probed where tokens are not served', () => {
      const [agent] = podOf(find(all(), 'Deployment'))?.containers ?? [];
      expect(agent).toMatchObject({
        livenessProbe: { httpGet: { path: '/livez', port: 'imsvault-health' } },
        readinessProbe: { httpGet: { path: '/readyz', port: 'imsvault-health' } },
      });
    });

    it('speaks TLS, by the name of its Service, and has its access token as a file', () => {
      const text = find(all(), 'ConfigMap', 'ims-agent').data?.['imsvault.config.yaml'] ?? '';
      const { agent } = parse(text) as { agent: Record<string, unknown> };
      expect(agent).toMatchObject({
        allowRemote: true,
        hostNames: ['ims.apps.svc', 'ims.apps.svc.cluster.local'],
        tls: { certFile: '/etc/imsvault-tls/tls.crt', keyFile: '/etc/imsvault-tls/tls.key' },
        tokenFile: '/etc/imsvault-access/token',
        sinks: [],
      });
      const [container] = podOf(find(all(), 'Deployment'))?.containers ?? [];
      expect(container?.volumeMounts).toContainEqual({
        name: 'imsvault-access',
        mountPath: '/etc/imsvault-access/token',
        subPath: 'token',
        readOnly: true,
      });
    });

    it('is not made without a certificate and an access token', () => {
      expect(failureOf(() => withValues({ agent: { tlsSecret: '' } }))).toContain('agent.tlsSecret');
      expect(failureOf(() => withValues({ agent: { accessTokenSecret: { name: '' } } }))).toContain(
        'agent.accessTokenSecret',
      );
    });

    it('lets in those who are named, and nobody by default', () => {
      const ingress = (values: object) => find(manifestsOf(withValues(values)), 'NetworkPolicy').spec.ingress;
      expect(ingress({}).map((rule: { ports: { port: number }[] }) => rule.ports[0]?.port)).toEqual([7717, 7718]);
      expect(ingress({ agent: { clients: [] }, networkPolicy: { monitoring: [] } })).toBeNull();
    });

    it('is restarted by no change of its config: it reads the mounted folder again', () => {
      const { metadata } = find(all(), 'Deployment').spec.template;
      expect(metadata).not.toHaveProperty('annotations');
      const [container] = podOf(find(all(), 'Deployment'))?.containers ?? [];
      const config = container?.volumeMounts?.find(({ name }) => name === 'imsvault-config');
      expect(config).toEqual({ name: 'imsvault-config', mountPath: '/etc/imsvault', readOnly: true });
    });
  });

  describe('the renewer', () => {
    it('prints no token into the log of its pod, and runs once at a time', () => {
      const cron = find(all(), 'CronJob');
      expect(cron.spec).toMatchObject({ concurrencyPolicy: 'Forbid', schedule: '*/15 * * * *' });
      expect(podOf(cron)?.restartPolicy).toBe('Never');
      expect(podOf(cron)?.containers[0]?.command).toEqual([
        '/bin/sh',
        '-c',
        'exec imsvault token --min-ttl 3h >/dev/null',
      ]);
    });

    it('takes a token store', () => {
      expect(failureOf(() => withValues({ config: { tokenStore: null } }))).toMatch(/config/);
    });

    it('takes no command in the place of a duration', () => {
      expect(failureOf(() => withValues({ renewer: { minTtl: '3h; date' } }))).toMatch(/minTtl/);
    });
  });

  it('mount the service account token for the one audience', () => {
    const volumes = podOf(find(all(), 'CronJob'))?.volumes;
    expect(volumes).toContainEqual({
      name: 'imsvault-service-account-token',
      projected: {
        sources: [
          { serviceAccountToken: { path: 'service-account-token', audience: 'vault', expirationSeconds: 3600 } },
        ],
      },
    });
    expect(find(all(), 'ServiceAccount').metadata.annotations).toEqual({
      'eks.amazonaws.com/role-arn': 'arn:aws:iam::111122223333:role/ims',
    });
  });

  it('are scraped where the agent and sidecars say how they are', () => {
    const { spec } = find(all(), 'PodMonitor');
    expect(spec.podMetricsEndpoints).toEqual([{ port: 'imsvault-health', path: '/metrics', interval: '60s' }]);
    for (const pod of [find(all(), 'Deployment'), find(example(), 'Deployment'), find(example(), 'Job')]) {
      expect(pod.spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    }
  });

  it.each([
    ['a client secret', { config: { credentials: { client_secret: 'p8e-x' } } }],
    ['a secret id', { config: { credentials: { auth: { secretId: 'b2c8' } } } }],
    ['a token in a profile', { config: { profiles: { a: { credentials: { auth: { token: 's.x' } } } } } }],
    ['a token in a chain', { config: { credentials: { providers: [{ auth: { token: 's.x' } }] } } }],
    ['a secret variable', { env: [{ name: 'FUSION_CLIENT_SECRET', value: 'p8e-x' }] }],
  ])('refuse %s among the values', (_what, values) => {
    expect(failureOf(() => withValues(values))).toContain("values don't meet the specifications of the schema");
  });

  it('take a variable in the place of a secret, and the name of an AWS secret', () => {
    const config = { credentials: { auth: { secretId: '${SECRET_ID}' }, secretId: 'ims/fusion' } };
    expect(withValues({ config })).toContain('${SECRET_ID}');
  });

  it('refuse a value that they do not know, and the tag latest', () => {
    expect(failureOf(() => withValues({ agnet: {} }))).toContain('agnet');
    expect(failureOf(() => withValues({ image: { tag: 'latest' } }))).toContain('tag');
    expect(failureOf(() => withValues({ image: { repository: '' } }))).toContain('image.repository');
  });

  it('name an image by its digest where one is given', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const pod = podOf(find(manifestsOf(withValues({ image: { digest } })), 'Deployment'));
    expect(pod?.containers[0]?.image).toBe(`registry.example.com/imsvault@${digest}`);
  });

  it('write configs that imsvault takes', async () => {
    const configs = [all(), example()].flat().filter(({ kind }) => kind === 'ConfigMap');
    expect(configs).toHaveLength(3);
    for (const { data, metadata } of configs) {
      const configPath = join(folder, `${metadata.name}.config.yaml`);
      writeFileSync(configPath, data?.['imsvault.config.yaml'] ?? '');
      const { warnings, profiles } = await loadConfig({ configPath, env: {}, cwd: folder });
      expect(warnings).toEqual([]);
      expect([...profiles.keys()]).toEqual(['default']);
    }
  });

  it('make the agent that the recipe for External Secrets Operator asks', () => {
    const [store, secret] = recipe('external-secrets.yaml') as [Manifest, Manifest];
    const { url, headers, caProvider, result, secrets } = store.spec.provider.webhook;
    const asked = new URL(url);
    expect(asked).toMatchObject({ protocol: 'https:', pathname: '/v1/token' });
    expect(Object.keys(headers)).toEqual(['X-Imsvault-Token']);
    expect(result).toEqual({ jsonPath: '$.access_token' });
    expect(secret.spec).toMatchObject({
      secretStoreRef: { kind: 'SecretStore', name: store.metadata.name },
      data: [{ remoteRef: { key: 'default' } }],
    });
    const made = manifestsOf(
      helm('template', 'imsvault', chart, '--namespace', 'default', '--kube-version', '1.33', '-f', everything),
    );
    expect(find(made, 'Service').spec.ports).toContainEqual(expect.objectContaining({ port: Number(asked.port) }));
    expect(
      parse(find(made, 'ConfigMap', 'imsvault-agent').data?.['imsvault.config.yaml'] ?? '').agent.hostNames,
    ).toContain(asked.hostname);
    const volumes = podOf(find(made, 'Deployment'))?.volumes;
    const secretOf = (name: string) => volumes?.find((volume) => volume.name === name)?.['secret'];
    expect(secretOf('imsvault-tls')).toMatchObject({ secretName: caProvider.name });
    const { name, key } = secrets[0].secretRef;
    expect(secretOf('imsvault-access')).toMatchObject({ secretName: name, items: [{ key }] });
  });

  describeWith('kubernetes-validate', "by Kubernetes' own schemas", (validate) => {
    it.each(KUBERNETES)('of %s', (version) => {
      const files = { all: render(helm, chart, '-f', everything), example: render(helm, exampleApp) };
      for (const [name, text] of Object.entries(files)) {
        // It has no schemas of custom resources.
        const known = manifestsOf(text).filter(({ kind }) => kind !== 'PodMonitor');
        const file = join(folder, `${name}.yaml`);
        writeFileSync(file, known.map((manifest) => JSON.stringify(manifest)).join('\n---\n'));
        expect(validate('--strict', '--kubernetes-version', version, file)).not.toMatch(/WARN|ERROR/);
      }
    });
  });
});

describe('kubeconfig.yaml', () => {
  it('asks imsvault for what kubectl takes', async () => {
    const { users } = recipe('kubeconfig.yaml')[0] as unknown as {
      users: { user: { exec: { apiVersion: string; command: string; args: string[] } } }[];
    };
    const { apiVersion, command, args = [] } = users[0]?.user.exec ?? {};
    const config = join(folder, 'kubectl.config.yaml');
    writeFileSync(config, 'credentials: { provider: env }');
    const { emulator, env } = await emulated();
    const asked = { ...env, KUBERNETES_EXEC_INFO: JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: {} }) };
    const { code, stdout } = await run(
      args.map((arg) => (arg.startsWith('/etc/') ? config : arg)),
      { env: asked, cwd: folder },
    );
    expect({ code, command }).toEqual({ code: 0, command: 'imsvault' });
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({ apiVersion, kind: 'ExecCredential' });
    expect(emulator.issuedTokens()).toContain(answer.status.token);
  });
});
