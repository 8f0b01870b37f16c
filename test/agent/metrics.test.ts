import { describe, expect, it } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock } from '../support/manual-clock.js';
import { ask, fakeProvider, profilesOf, startAgent } from './support.js';

/** The samples of an exposition; fails on any line that is none (text format 0.0.4). */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (?:HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
    if (comment !== null) {
      if (line.startsWith('# TYPE')) {
        expect(types.has(comment[1] as string)).toBe(false);
        expect(['counter', 'gauge']).toContain(comment[2]);
        types.set(comment[1] as string, comment[2] as string);
      }
      continue;
    }
    const sample = /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$/.exec(
      line,
    );
    expect(sample, line).not.toBeNull();
    const [, name, labels = '', value] = sample as RegExpExecArray;
    expect(types.get(name as string) === 'counter').toBe(name?.endsWith('_total'));
    expect(samples.has(`${name}${labels}`), line).toBe(false);
    samples.set(`${name}${labels}`, Number(value));
  }
  return samples;
}

describe('/metrics', () => {
  it('tells when each token expires and how its renewals and requests went', async () => {
    const { addresses, clock, main } = await startAgent();
    await ask(addresses[0], '/v1/token');
    await ask(addresses[0], '/v1/token');
    await ask(addresses[0], '/v1/token?profile=none');
    main.renew = () => Promise.reject(new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'away'));
    clock.jump(86_400_000);
    await ask(addresses[0], '/v1/token');
    const { headers, text } = await ask(addresses[0], '/metrics');
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const samples = parse(text);
    const start = Date.UTC(2030, 0, 1) / 1000;
    expect(Object.fromEntries([...samples].filter(([name]) => /profile="main"/.test(name)))).toEqual({
      'imsvault_token_expiry_timestamp_seconds{profile="main"}': start + 86_400,
      'imsvault_token_usable{profile="main"}': 0,
      'imsvault_last_renewal_success_timestamp_seconds{profile="main"}': start,
      'imsvault_renewals_total{profile="main",result="success"}': 1,
      'imsvault_renewals_total{profile="main",result="failure"}': 1,
      'imsvault_token_requests_total{profile="main",cache="hit"}': 1,
      'imsvault_token_requests_total{profile="main",cache="miss"}': 1,
      'imsvault_token_request_failures_total{profile="main"}': 1,
    });
    expect(samples.has('imsvault_token_expiry_timestamp_seconds{profile="other"}')).toBe(false);
    expect(samples.get('imsvault_token_usable{profile="other"}')).toBe(0);
    expect(samples.get('imsvault_agent_connections')).toBe(1);
    expect([...samples.keys()].some((name) => name.startsWith('imsvault_build_info{version="'))).toBe(true);
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(samples.get('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(samples.has('process_start_time_seconds')).toBe(true);
    expect(text).not.toContain('"none"');
    expectNoSecrets(text, ['fake-token']);
  });

  it('counts what the token store saw, under the names of its events', async () => {
    const clock = createManualClock();
    const provider = fakeProvider(clock);
    const counters = { ...provider.status().counters, claimed: 3, 'claim-lost': 2 };
    const profiles = profilesOf({ main: { ...provider, status: () => ({ ...provider.status(), counters }) } });
    const { addresses } = await startAgent({ profiles: () => profiles });
    const samples = parse((await ask(addresses[0], '/metrics')).text);
    expect(samples.get('imsvault_fleet_events_total{profile="main",event="claimed"}')).toBe(3);
    expect(samples.get('imsvault_fleet_events_total{profile="main",event="claim-lost"}')).toBe(2);
    expect(samples.get('imsvault_fleet_events_total{profile="main",event="published"}')).toBe(0);
  });

  it('escapes names', async () => {
    const provider = fakeProvider(createManualClock());
    const { addresses } = await startAgent({ profiles: () => profilesOf({ 'a"b\\c\nd{}': provider }) });
    const samples = parse((await ask(addresses[0], '/metrics')).text);
    expect(samples.get('imsvault_token_usable{profile="a\\"b\\\\c\\nd{}"}')).toBe(0);
  });
});
