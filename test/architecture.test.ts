import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = ['src', 'providers'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ file: join(folder, file), text: readFileSync(join(root, folder, file), 'utf8') })),
);
const filesWith = (pattern: RegExp) =>
  files
    .filter(({ text }) => pattern.test(text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')))
    .map(({ file }) => file)
    .sort();

describe('what the linter cannot say', () => {
  it('only the clock asks the machine for the time', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(
      filesWith(
        /\bDate\.now\b|\bperformance\.now\b|\bnew Date\(\)|\bsetTimeout\(|\bsetInterval\(|AbortSignal\.timeout/,
      ),
    ).toEqual(['src/clock.ts']);
  });

  it('randomness comes in at the faces', () => {
    expect(filesWith(/\bMath\.random\b/)).toEqual([
      'src/aio/index.ts',
      'src/cli/commands/doctor.ts',
      'src/cli/commands/exec.ts',
      'src/cli/commands/init.ts',
      'src/cli/commands/rotate.ts',
      'src/cli/commands/serve.ts',
      'src/cli/commands/status.ts',
      'src/cli/commands/token.ts',
      'src/token-provider.ts',
    ]);
  });

  it('undici and the SDKs are imported late, and types apart', () => {
    const early = filesWith(/^(im|ex)port (?!type )[^;]*from '(undici|node-vault|@aws-sdk\/|@azure\/)/m);
    expect(early).toEqual(['src/net/undici-inner.ts']);
    expect(filesWith(/undici-inner/)).toEqual(['src/net/http-client.ts']);
    expect(filesWith(/^(im|ex)port [^;]*undici-inner/m)).toEqual([]);
  });

  it('the engine knows no vendor', () => {
    const engine = files.filter(({ file }) => file.startsWith('src/') && !file.startsWith('src/config/'));
    const naming = engine.filter(({ text }) => /from '.*providers\//.test(text)).map(({ file }) => file);
    expect(naming).toEqual([]);
  });

  it('files stay small enough to hold one concept', () => {
    const long = files.filter(({ file, text }) => text.split('\n').length > 250 && !file.endsWith('.generated.ts'));
    expect(long.map(({ file }) => file)).toEqual([]);
  });
});
