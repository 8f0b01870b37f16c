import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { blockOf } from '../docs/blocks.js';
import { ask, startAgent } from './support.js';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = read('docs/agent.md');
const rows = (pattern: RegExp) => [...page.matchAll(pattern)].map(([, name]) => name).sort();

it('docs/agent.md has each code', () => {
  const union = /type AgentErrorCode =([^;]+);/.exec(read('src/agent/reply.ts'))?.[1] ?? '';
  const codes = [...union.matchAll(/'(ERR_\w+)'/g)].map(([, code]) => code).sort();
  expect(codes.length).toBeGreaterThan(5);
  expect(rows(/^\| \d.*\| `(ERR_\w+)` \|/gm)).toEqual(codes);
});

it('docs/agent.md has each metric', async () => {
  const { addresses } = await startAgent();
  const { text } = await ask(addresses[0], '/metrics');
  const names = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name).sort();
  expect(rows(/`((?:imsvault|process)_\w+)`(?=.*\|)/g)).toEqual(names);
  const [alerted] = /^\w+/.exec(blockOf('docs/observability.md', 'time() <').text) ?? [];
  expect(names).toContain(alerted);
});
