import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

interface Locked {
  version?: string;
  integrity?: string;
  link?: boolean;
  dev?: boolean;
  devOptional?: boolean;
  hasInstallScript?: boolean;
}
const manifest = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
};
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');

/** Of development alone: esbuild's checks that the binary of its platform is the right one. */
const WITH_INSTALL_SCRIPT = ['node_modules/esbuild'];
/** Run by npm where a package is installed; `prepare` is not, where it comes from a registry. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'preprepare', 'postprepare', 'prepublish'];

describe('dependencies', () => {
  it('are one that everybody installs; the stores’ SDKs are optional', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['undici']);
    const production = locked.filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true);
    expect(production.map(([path]) => path)).toEqual(['node_modules/undici']);
    for (const name of Object.keys(manifest.peerDependencies)) {
      expect(manifest.peerDependenciesMeta[name], name).toEqual({ optional: true });
    }
  });

  it('run nothing when they are installed', () => {
    for (const name of INSTALL_SCRIPTS) expect(manifest.scripts).not.toHaveProperty(name);
    const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    expect(scripted.map(([path]) => path)).toEqual(WITH_INSTALL_SCRIPT);
    expect(scripted.every(([, { dev }]) => dev === true)).toBe(true);
  });

  it('are pinned to one version and its content', () => {
    expect(locked.length).toBeGreaterThan(100);
    for (const [path, { version, integrity }] of locked) {
      expect(version, path).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
      expect(integrity, path).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
    }
  });

  it('so are the tools that npx and pip fetch', () => {
    const fetched = Object.values(manifest.scripts).flatMap((script) => script.match(/npx --yes \S+/g) ?? []);
    expect(fetched.length).toBeGreaterThan(0);
    for (const one of fetched) expect(one).toMatch(/@\d+\.\d+\.\d+$/);
    const lines = read('.ci/requirements.txt')
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#'));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatch(/^[\w.-]+(\[[\w,]+\])?==\d[\w.]*$/);
  });
});
