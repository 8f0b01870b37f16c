import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readAccessToken } from '../../src/agent/access-token-file.js';
import { openFolder } from '../../src/agent/open-folder.js';
import { tempFolder } from '../config/support.js';
import { createManualClock } from '../support/manual-clock.js';

it.skipIf(process.platform === 'win32').each([
  [0o777, true],
  [0o702, true],
  [0o1777, false],
  [0o770, false],
])('a folder of mode %o is open to everybody: %s', async (mode, isOpen) => {
  const folder = join(await tempFolder(), 'folder');
  mkdirSync(folder);
  chmodSync(folder, mode);
  const said = `stands in a folder that everybody can write to: chmod o-w ${folder}, or choose another`;
  const path = join(folder, 'token');
  expect(openFolder(path)).toBe(isOpen ? said : undefined);
  const read = () => readAccessToken({ path, clock: createManualClock(), warn: () => undefined });
  if (isOpen) expect(read).toThrow(`${path} ${said}`);
  else read();
});

it('of a folder that cannot be looked at, whoever needs it tells', () => {
  expect(openFolder('/nowhere/at/all')).toBeUndefined();
});
