import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Block, blockOf, blocksIn, ROOT, readPage, titleOf } from '../docs/blocks.js';
import { blocksFor } from '../docs/sorting.js';
import { findPlugins, findTerraform, runTerraform, skipReason, TERRAFORM_DIR } from './support/terraform.js';
import { describeWith } from './tools.js';

const folder = mkdtempSync(join(tmpdir(), 'imsvault-infra-docs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const chart = join(ROOT, 'infra/helm/imsvault');
const titled = (blocks: readonly Block[]) => blocks.map((block) => [titleOf(block), block] as const);

/** The use of a module that a block shows, whole where it shows an argument alone. */
const moduleIn = ({ text }: Block) =>
  text.startsWith('module ')
    ? text
    : `module "imsvault" {\n  source = "//infra/terraform/aws"\n${text.replace(/^(?=.)/gm, '  ')}  name = "ims/fusion"\n}\n`;
const kindOf = (text: string) => /\/infra\/terraform\/(\w+)/.exec(text)?.[1] ?? '';

describe('uses of the Terraform modules', () => {
  it.each(titled(blocksFor('module')))('%s: arguments are variables of the module', (_title, block) => {
    const text = moduleIn(block);
    const variables = readFileSync(join(TERRAFORM_DIR, kindOf(text), 'variables.tf'), 'utf8');
    const names = [...text.matchAll(/^ {2}(\w+) *=/gm)].map(([, name]) => name).filter((name) => name !== 'source');
    expect(names).not.toEqual([]);
    for (const name of names) expect(variables).toContain(`variable "${name}"`);
  });

  const terraform = findTerraform();
  const reason = skipReason('uses of the Terraform modules, validated', terraform);
  it.skipIf(reason !== undefined).each(titled(blocksFor('module')))(
    '%s is well formed and valid',
    async (_t, block) => {
      const program = 'program' in terraform ? terraform.program : expect.unreachable();
      const home = mkdtempSync(join(folder, 'terraform-'));
      const run = (...args: string[]) => runTerraform(program, home, folder, args);
      writeFileSync(join(home, 'main.tf'), block.text);
      expect(await run('fmt', '-check', '-diff')).toBe('');
      const kind = kindOf(moduleIn(block));
      const provider = { aws: 'hashicorp/aws', vault: 'hashicorp/vault', azure: 'hashicorp/azurerm' }[kind] ?? '';
      const plugins = findPlugins(provider);
      if (skipReason(`${titleOf(block)}: terraform validate`, plugins) !== undefined) return;
      cpSync(join(TERRAFORM_DIR, kind), join(home, 'module'), { recursive: true });
      writeFileSync(join(home, 'main.tf'), moduleIn(block).replace(/source += ".*"/, 'source = "./module"'));
      await run('init', '-backend=false', `-plugin-dir=${'folder' in plugins ? plugins.folder : ''}`);
      expect(JSON.parse(await run('validate', '-json'))).toMatchObject({ valid: true, diagnostics: [] });
    },
  );
});

describeWith('systemd-analyze', 'the unit of docs/agent-files.md', () => {
  it('says nothing that systemd does not understand', () => {
    const unit = join(folder, 'documented.service');
    const { text } = blockOf('docs/agent-files.md', 'NotifyAccess=all');
    writeFileSync(unit, text.replace('/usr/bin/imsvault', process.execPath));
    const args = ['-c', 'systemd-analyze verify --man=no "$1" 2>&1', 'sh', unit];
    expect(execFileSync('sh', args, { encoding: 'utf8' })).not.toContain('documented.service');
  });
});

describeWith('helm', 'the chart', (helm) => {
  it.each(titled(blocksFor('values')))('takes the values of %s', (_title, { text }) => {
    const values = join(folder, 'values.yaml');
    writeFileSync(values, text);
    helm('lint', '--strict', '--quiet', chart, '-f', values);
    expect(helm('template', 'imsvault', chart, '--kube-version', '1.33', '-f', values)).toContain('kind: ');
  });

  it('is installed by what infra/kubernetes/README.md says', () => {
    const page = 'infra/kubernetes/README.md';
    const text = blocksIn(page, readPage(page)).find((block) => block.text.includes('helm upgrade'))?.text ?? '';
    const words = /^helm upgrade --install (.*)$/m.exec(text)?.[1]?.replace('--create-namespace ', '').split(' ') ?? [];
    const everything = join(chart, 'ci/everything-values.yaml');
    const args = words.map((word) => word.replace('infra/helm/imsvault', chart).replace('my-values.yaml', everything));
    expect(helm('template', ...args, '--kube-version', '1.33')).toContain('kind: CronJob');
  });
});
