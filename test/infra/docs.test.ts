import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { configJsonSchema } from '../../src/config/json-schema.js';
import { type Block, blockOf, blocksIn, ROOT, readPage, titleOf } from '../docs/blocks.js';
import { configsIn } from '../docs/config-files.js';
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
  const uses = blocksFor('module');
  it.each(titled(uses))('%s: arguments are variables of the module', (_title, block) => {
    const text = moduleIn(block);
    const variables = readFileSync(join(TERRAFORM_DIR, kindOf(text), 'variables.tf'), 'utf8');
    const names = [...text.matchAll(/^ {2}(\w+) *=/gm)].map(([, name]) => name).filter((name) => name !== 'source');
    expect(names).not.toEqual([]);
    for (const name of names) expect(variables).toContain(`variable "${name}"`);
  });

  const terraform = findTerraform();
  const program = 'program' in terraform ? terraform.program : '';
  const unformatted = skipReason('uses of the Terraform modules, formatted', terraform);
  it.skipIf(unformatted !== undefined)('are well formed', async () => {
    const home = mkdtempSync(join(folder, 'terraform-'));
    for (const { page, line, text } of uses) writeFileSync(join(home, `${page.replaceAll('/', '_')}-${line}.tf`), text);
    expect(await runTerraform(program, home, folder, ['fmt', '-check', '-diff'])).toBe('');
  });

  describe.each([
    ['aws', 'hashicorp/aws'],
    ['azure', 'hashicorp/azurerm'],
    ['vault', 'hashicorp/vault'],
  ])('of %s', (kind, provider) => {
    const plugins = findPlugins(provider);
    const reason = skipReason(`uses of the Terraform module ${kind}, validated`, terraform, plugins);
    // All in one folder: to copy the provider takes longer than the rest.
    it.skipIf(reason !== undefined)('are valid', async () => {
      const home = mkdtempSync(join(folder, 'terraform-'));
      cpSync(join(TERRAFORM_DIR, kind), join(home, 'module'), { recursive: true });
      const modules = uses.map(moduleIn).filter((text) => kindOf(text) === kind);
      const texts = modules.map((text, number) =>
        text.replace(/^module "imsvault"/, `module "use_${number}"`).replace(/source +=.*/, 'source = "./module"'),
      );
      const variables = new Set(texts.join('').match(/(?<=\bvar\.)\w+/g));
      writeFileSync(
        join(home, 'main.tf'),
        [...texts, ...[...variables].map((name) => `variable "${name}" {}`)].join('\n'),
      );
      const pluginDir = 'folder' in plugins ? plugins.folder : '';
      await runTerraform(program, home, folder, ['init', '-backend=false', `-plugin-dir=${pluginDir}`]);
      const found = JSON.parse(await runTerraform(program, home, folder, ['validate', '-json']));
      expect(found).toMatchObject({ valid: true, diagnostics: [] });
    });
  });
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

function workflows(): string[] {
  return blocksFor('workflow').map(({ text }, number) => {
    const file = join(folder, `workflow-${number}.yml`);
    writeFileSync(file, text);
    return file;
  });
}

describeWith('check-jsonschema', 'what an editor says', (check) => {
  it('configs are valid by the published schema', () => {
    const schema = join(folder, 'config.schema.json');
    writeFileSync(schema, JSON.stringify(configJsonSchema()));
    const files = blocksFor('config').flatMap((block, number) =>
      configsIn(block).map((text, part) => {
        const file = join(folder, `config-${number}-${part}.yaml`);
        writeFileSync(file, text);
        return file;
      }),
    );
    expect(files.length).toBeGreaterThan(20);
    expect(check('--schemafile', schema, ...files)).toContain('ok');
  });

  it('workflows are workflows by the schema of GitHub', () => {
    expect(check('--builtin-schema', 'vendor.github-workflows', ...workflows())).toContain('ok');
  });
});

describeWith('zizmor', 'the workflows', (audit) => {
  it('give nothing away', () => {
    const config = join(ROOT, '.github/zizmor.yml');
    const found = audit('--offline', '--no-progress', '--format', 'json', '--config', config, ...workflows());
    expect(JSON.parse(found)).toEqual([]);
  });
});
