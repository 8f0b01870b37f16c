import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeWith } from './tools.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const workflows = join(root, '.github/workflows');
const files = readdirSync(workflows).map((name) => join(workflows, name));

interface Step {
  uses?: string;
  run?: string;
  env?: Record<string, string>;
  with?: Record<string, unknown>;
}

interface Job {
  needs?: string;
  uses?: string;
  environment?: string;
  permissions: Record<string, string>;
  steps?: Step[];
}

const read = (name: string) =>
  parse(readFileSync(join(workflows, name), 'utf8')) as { permissions: object; jobs: Record<string, Job> };
const ci = read('ci.yml');
const release = read('release.yml');

describeWith('check-jsonschema', 'the workflows', (check) => {
  it('are workflows', () => {
    expect(check('--builtin-schema', 'vendor.github-workflows', ...files)).toContain('ok');
  });
});

describeWith('zizmor', 'the workflows', (audit) => {
  it('have nothing that an auditor of workflows knows to be dangerous', () => {
    expect(
      audit('--offline', '--no-progress', '--format', 'json', '--config', join(root, '.github/zizmor.yml'), ...files),
    ).toBe('[]');
  });
});

describe('the workflows', () => {
  const jobs = [ci, release].flatMap(({ jobs }) => Object.values(jobs));
  const steps = jobs.flatMap((job) => job.steps ?? []);

  it('may do nothing but what each job names', () => {
    for (const { permissions } of [ci, release]) expect(permissions).toEqual({});
    expect(jobs.map(({ permissions }) => permissions)).toEqual([
      { contents: 'read' },
      { contents: 'read' },
      { contents: 'write', 'id-token': 'write' },
    ]);
  });

  it('use actions of GitHub alone, by version, and leave no login behind', () => {
    const uses = steps.flatMap((step) => (step.uses === undefined ? [] : [step]));
    expect(uses.length).toBeGreaterThan(4);
    for (const step of uses) {
      expect(step.uses).toMatch(/^actions\/[a-z-]+@v\d+$/);
      if (step.uses?.startsWith('actions/checkout@')) expect(step.with).toMatchObject({ 'persist-credentials': false });
    }
  });

  it('put neither a secret nor what others wrote into a command', () => {
    for (const { run = '' } of steps) expect(run).not.toMatch(/\$\{\{|secrets\.|TOKEN|set -x/);
    for (const file of files) expect(readFileSync(file, 'utf8')).not.toMatch(/secrets\.|secrets: inherit/);
  });

  it('publish only what CI has passed, with provenance and a list of its parts', () => {
    expect(ci.jobs['everything']?.steps?.at(-1)?.run).toContain('.ci/run');
    expect(release.jobs['ci']?.uses).toBe('./.github/workflows/ci.yml');
    const publish = release.jobs['publish'];
    expect(publish).toMatchObject({ needs: 'ci', environment: 'npm' });
    const commands = (publish?.steps ?? []).map(({ run = '' }) => run).join('\n');
    expect(commands).toMatch(/npm publish .*--provenance/);
    expect(commands).toContain('npm sbom');
    expect(commands).toContain('release-notes.mjs "$GITHUB_REF_NAME"');
  });
});

describe('the list of parts', () => {
  it('names what a plain install brings', () => {
    const sbom = execFileSync('npm', ['sbom', '--omit', 'dev', '--sbom-format', 'cyclonedx', '--package-lock-only'], {
      cwd: root,
      encoding: 'utf8',
    });
    const { components } = JSON.parse(sbom) as { components: { name: string }[] };
    expect(components.map(({ name }) => name)).toEqual(['undici']);
  });
});

describe('the release notes', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'imsvault-release-'));
    mkdirSync(join(folder, 'scripts'));
    copyFileSync(join(root, 'scripts/release-notes.mjs'), join(folder, 'scripts/release-notes.mjs'));
    writeFileSync(join(folder, 'package.json'), '{"version":"1.2.0"}');
    writeFileSync(
      join(folder, 'CHANGELOG.md'),
      '# Changelog\n\n## [Unreleased]\n- later\n\n## [1.2.0] - 2030-01-02\n\n### Added\n- a thing\n\n## [1.2.0-rc.1]\n- almost\n\n## [1.1.0]\n',
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const notes = (tag: string) =>
    execFileSync('node', [join(folder, 'scripts/release-notes.mjs'), tag], { encoding: 'utf8', stdio: 'pipe' });

  it('are the section of that version', () => {
    expect(notes('v1.2.0')).toBe('### Added\n- a thing\n');
  });

  it('fail for a tag that is not the package’s version, and for a version without a section', () => {
    expect(() => notes('v1.1.0')).toThrow('the tag is v1.1.0, and package.json says 1.2.0');
    for (const version of ['1.1.0', '1.3.0']) {
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ version }));
      expect(() => notes(`v${version}`)).toThrow(`CHANGELOG.md has no section ${version}`);
    }
  });
});
