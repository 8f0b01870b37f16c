/** What the tests look at of a Kubernetes object. */
export interface Manifest {
  kind: string;
  apiVersion: string;
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: each kind has another shape; a wrong path fails the test that takes it.
  spec?: any;
  data?: Record<string, string>;
  automountServiceAccountToken?: boolean;
}

export interface Container {
  name: string;
  image: string;
  args?: string[];
  command?: string[];
  restartPolicy?: string;
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  securityContext?: Record<string, unknown>;
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  ports?: { name: string; containerPort: number }[];
  env?: { name: string; value?: string }[];
  volumeMounts?: { name: string; mountPath: string; subPath?: string; readOnly?: boolean }[];
}

interface Probe {
  httpGet?: { path: string; port: string };
}

export interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  restartPolicy?: string;
  automountServiceAccountToken?: boolean;
  securityContext?: Record<string, unknown>;
  volumes?: { name: string; emptyDir?: { medium?: string }; [source: string]: unknown }[];
}

/** The pod that a Deployment, a Job or a CronJob makes; undefined for other kinds. */
export function podOf({ kind, spec }: Manifest): PodSpec | undefined {
  if (kind === 'Deployment' || kind === 'Job') return spec.template.spec;
  return kind === 'CronJob' ? spec.jobTemplate.spec.template.spec : undefined;
}

export function containersOf(pod: PodSpec): Container[] {
  return [...(pod.initContainers ?? []), ...pod.containers];
}
