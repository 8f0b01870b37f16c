/** A block that no test machine can run. */
export interface NotRun {
  page: string;
  /** In this block of the page alone. */
  text: string;
  reason: string;
}

const AZURE = 'the az command needs a subscription; the roles and names are compared with what imsvault init prints';
const SYSTEMD = 'installs units on the machine; systemd-analyze checks these';

/** Everything in the documentation that is not run. What can be checked without running it is: every-block.test.ts. */
export const NOT_RUN: readonly NotRun[] = [
  { page: 'docs/fleet.md', text: 'stateDiagram-v2', reason: 'a picture' },
  { page: 'docs/fleet.md', text: 'sequenceDiagram', reason: 'a picture' },
  { page: 'docs/azure-key-vault.md', text: 'az keyvault secret set', reason: AZURE },
  { page: 'docs/azure-key-vault.md', text: 'az keyvault secret purge', reason: AZURE },
  { page: 'docs/azure-key-vault.md', text: 'az role definition create', reason: AZURE },
  { page: 'infra/README.md', text: 'systemctl enable --now imsvault', reason: SYSTEMD },
  { page: 'infra/README.md', text: 'docker buildx build', reason: 'needs a registry, and a cloud for terraform' },
  { page: 'infra/kubernetes/README.md', text: 'kubectl -n ims get', reason: 'needs a registry and a cluster' },
  { page: 'infra/systemd/README.md', text: 'systemctl daemon-reload', reason: SYSTEMD },
  { page: 'infra/terraform/README.md', text: 'terraform output', reason: 'needs what terraform apply has made' },
  { page: 'infra/terraform/README.md', text: 'terraform apply', reason: AZURE },
];
