import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);

/** The provider outside the repository, where no SDK can be found. */
describe('azure-key-vault without its SDK', () => {
  let folder: string;
  let bundle: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imsvault-azure-'));
    bundle = join(folder, 'provider.mjs');
    await build({
      entryPoints: [join(import.meta.dirname, '../../../providers/azure-key-vault/index.ts')],
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['@azure/*', 'undici'],
      outfile: bundle,
    });
  });
  afterAll(() => rm(folder, { recursive: true }));

  const evaluate = async (code: string) => {
    const script = `const { default: provider } = await import(${JSON.stringify(pathToFileURL(bundle).href)}); ${code}`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: folder });
    return JSON.parse(stdout) as unknown;
  };
  const BLOCK = JSON.stringify({ vaultUrl: 'https://v.vault.azure.net', secretName: 's' });

  it('validates options', async () => {
    const result = await evaluate(
      `console.log(JSON.stringify(await provider.options['~standard'].validate(${BLOCK})));`,
    );
    expect(result).toMatchObject({ value: { secretName: 's', auth: { method: 'default' } } });
  });

  it('names the install line', async () => {
    const result = await evaluate(
      `const { value } = await provider.options['~standard'].validate(${BLOCK});
       const context = { createHttpClient() {}, baseDir: '.', env: {} };
       await provider.createProvider(value, context).catch(({ code, hint }) => console.log(JSON.stringify({ code, hint })));`,
    );
    expect(result).toEqual({
      code: 'ERR_PROVIDER_NOT_INSTALLED',
      hint: 'Run: npm install @azure/keyvault-secrets @azure/identity',
    });
  });
});
