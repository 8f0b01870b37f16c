import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import file from '../../../providers/file/index.js';
import { fileOptions } from '../../../providers/file/options.js';
import { providerConformance } from '../../conformance/provider-suite.js';
import { testContext } from '../../support/provider-context.js';

providerConformance({
  name: 'file',
  maxValueBytes: 64 * 1024,
  skip: {
    ...(process.platform === 'win32' ? { denied: 'modes say nothing on Windows' } : {}),
    down: 'no server',
    hang: 'a pipe is refused before it could hang, tested beside this suite',
  },
  async create() {
    const baseDir = await mkdtemp(join(tmpdir(), 'imsvault-file-'));
    const { mode } = fileOptions.parse({ path: 'x' });
    const provider = await file.createProvider({ mode }, testContext({ baseDir }));
    const path = join(baseDir, 'secret.json');
    return {
      provider,
      ref: { path: 'secret.json' },
      missingRef: { path: 'none.json' },
      write: (value) => writeFile(path, value, { mode: 0o600 }),
      // As for root, whom no mode keeps from reading: what everybody can write.
      fault: (kind) => chmod(path, kind === 'denied' ? 0o606 : 0o600),
      secrets: [],
      close: () => rm(baseDir, { recursive: true }),
    };
  },
});
