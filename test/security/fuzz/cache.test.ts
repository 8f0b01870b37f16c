import { chmodSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getuid } from 'node:process';
import fc from 'fast-check';
import { afterAll, describe, expect } from 'vitest';
import { readCachedToken } from '../../../src/token/cache/token-file.js';
import { parseRecord, serializeRecord, tokenOf } from '../../../src/token/cache/token-record.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { fuzz } from './fuzz.js';
import { iso, jwt, mutatedJson, secrets } from './mutations.js';

const SAVED = Date.UTC(2030, 0, 1);
const YEAR_MS = 365 * 24 * 3_600_000;
const HOUR = 3_600_000;

const records = fc
  .record({
    secret: secrets,
    life: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(3600_000, 86_399_000) },
      { weight: 1, arbitrary: fc.integer({ min: 1000, max: 48 * HOUR }) },
    ),
    points: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
    paused: fc.boolean(),
    booted: fc.boolean(),
  })
  .map(({ secret, life, points, paused, booted }) => ({
    secret,
    tree: {
      schema: 'imsvault-cache/1',
      access_token: jwt({ client_id: 'client', created_at: String(SAVED), expires_in: String(life), note: secret }),
      token_type: 'bearer',
      expires_at: iso(SAVED + life),
      issued_at: iso(SAVED),
      scope: 'openid',
      client_id: 'client',
      publish_id: 'a-record',
      saved_at: iso(SAVED + 500),
      ...(booted ? { boot: { id: 'boot-1', ms: 1_000_000 } } : {}),
      schedule: points.sort((a, b) => a - b).map((point) => point * life),
      facts: { files: [['/nowhere', null]], env: [['OWN', null]] },
      ...(paused ? { pause: { until: iso(SAVED + 60_000), count: 2 } } : {}),
    },
  }));
const cases = records.chain(({ secret, tree }) =>
  fc.record({
    secrets: fc.constant([secret, tree.access_token]),
    text: mutatedJson(fc.constant(tree)),
    /** How long after it was saved, by the wall clock and by the boot's. */
    wallMs: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: -3000, max: HOUR }) },
      { weight: 2, arbitrary: fc.integer({ min: -HOUR, max: 48 * HOUR }) },
      { weight: 1, arbitrary: fc.integer({ min: -YEAR_MS, max: YEAR_MS }) },
    ),
    bootMs: fc.oneof(fc.integer({ min: 0, max: HOUR }), fc.integer({ min: 0, max: 48 * HOUR })),
    sameBoot: fc.boolean(),
  }),
);

describe('the cache of a machine', () => {
  fuzz('cache record', cases, ({ secrets, text, wallMs, bootMs, sameBoot }) => {
    const now = SAVED + 500 + wallMs;
    const record = parseRecord(text, now);
    if ('problem' in record) {
      expectNoSecrets(record.problem, secrets);
      return 'refused';
    }
    const again = parseRecord(serializeRecord(record), now);
    expect(again).toEqual(record);
    const boot = { id: sameBoot ? 'boot-1' : 'boot-2', ms: 1_000_000 + bootMs };
    const used = tokenOf(record, now, boot);
    if (used === undefined) return 'refused';
    const { expiresAt, issuedAt } = record.token;
    const lifeMs = expiresAt - issuedAt;
    expect(used.token.expiresAt, 'later than it was').toBeLessThanOrEqual(expiresAt);
    expect(used.token.expiresAt, 'expired').toBeGreaterThanOrEqual(now);
    expect(used.token.expiresAt - now, 'longer than it lives').toBeLessThanOrEqual(lifeMs + 2000);
    // The boot's clock cannot be set back.
    if (record.boot?.id === boot.id && record.boot.ms <= boot.ms) {
      expect(boot.ms - record.boot.ms, 'by the boot’s clock').toBeLessThanOrEqual(lifeMs);
    }
    return 'accepted';
  });

  const folder = mkdtempSync(join(tmpdir(), 'imsvault-fuzz-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const uid = getuid?.() ?? 0;
  const files = fc.record({
    text: fc.oneof(
      records.map(({ tree }) => JSON.stringify(tree)),
      records.chain(({ tree }) => mutatedJson(fc.constant(tree))),
    ),
    mode: fc.constantFrom(...Array(9).fill(0o600), 0o400, 0o640, 0o604, 0o666),
    kind: fc.constantFrom('file', 'file', 'file', 'file', 'file', 'file', 'link', 'foreign'),
    padding: fc.constantFrom(0, 0, 0, 0, 0, 0, 16_384),
  });
  fuzz('cache file', files, ({ text, mode, kind, padding }) => {
    const file = join(folder, 'record.json');
    rmSync(file, { force: true });
    const real = kind === 'link' ? join(folder, 'elsewhere') : file;
    writeFileSync(real, text + ' '.repeat(padding));
    chmodSync(real, mode);
    if (kind === 'link') symlinkSync(real, file);
    const owner = kind === 'foreign' ? uid + 1 : uid;
    const { cached, problem } = readCachedToken({ folder, file, salt: 'a', uid: owner }, {}, SAVED + 500, undefined);
    if (kind === 'link') unlinkSync(file);
    if (cached === undefined) {
      expectNoSecrets(problem ?? '', [String((/"access_token":"([^"]{20,})/.exec(text) ?? [])[1] ?? 'nothing')]);
      return 'refused';
    }
    expect([kind, padding, mode & 0o077]).toEqual(['file', 0, 0]);
    return 'accepted';
  });
});
