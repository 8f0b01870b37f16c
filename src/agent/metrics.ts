import type { Clock } from '../clock.js';
import type { TokenCounters } from '../token/token-events.js';
import type { TokenProvider } from '../token-provider.js';
import { VERSION } from '../version.js';
import type { AgentProfiles } from './agent-profiles.js';
import { type Reply, reply } from './reply.js';
import { type CountersByProfile, countersOf } from './request-counters.js';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number | undefined];

/**
 * Everything in the text format of Prometheus (0.0.4), counted elsewhere and read when it is asked for. The only
 * labels with many values are the config's profiles.
 */
export function metricsReply(
  profiles: AgentProfiles,
  requests: CountersByProfile,
  connections: number,
  clock: Clock,
): Reply {
  const served = profiles.names.flatMap((profile) => {
    const provider = profiles.get(profile);
    return provider === undefined ? [] : [{ profile, status: provider.status(), usable: isUsable(provider) }];
  });
  const each = (value: (one: (typeof served)[number]) => readonly Sample[]) => served.flatMap(value);
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
  const text = [
    metric('imsvault_build_info', 'gauge', 'The running version.', [[{ version: VERSION, node: process.version }, 1]]),
    metric(
      'imsvault_token_expiry_timestamp_seconds',
      'gauge',
      'When the token held expires; absent where there is none.',
      each(({ profile, status }) => [[{ profile }, seconds(status.token?.expiresAt)]]),
    ),
    metric(
      'imsvault_token_usable',
      'gauge',
      '1 while a token is held that can be served.',
      each(({ profile, usable }) => [[{ profile }, usable]]),
    ),
    metric(
      'imsvault_last_renewal_success_timestamp_seconds',
      'gauge',
      'When the token held came.',
      each(({ profile, status }) => [[{ profile }, seconds(status.token?.renewedAt)]]),
    ),
    metric(
      'imsvault_renewals_total',
      'counter',
      'Renewals that ended, by an exchange or by adopting the token of another process.',
      each(({ profile, status: { counters } }) => [
        [{ profile, result: 'success' }, counters.renewed],
        [{ profile, result: 'failure' }, counters['renewal-failed']],
      ]),
    ),
    metric(
      'imsvault_fleet_events_total',
      'counter',
      'What happened at the token store.',
      each(({ profile, status: { counters } }) =>
        fleetEvents(counters).map(([event, count]) => [{ profile, event }, count]),
      ),
    ),
    metric(
      'imsvault_token_requests_total',
      'counter',
      'Requests for a token that got one: from memory (hit), or after a wait (miss).',
      each(({ profile }) => {
        const { hit, miss } = countersOf(requests, profile);
        return [
          [{ profile, cache: 'hit' }, hit],
          [{ profile, cache: 'miss' }, miss],
        ];
      }),
    ),
    metric(
      'imsvault_token_request_failures_total',
      'counter',
      'Requests for a token that got an error.',
      each(({ profile }) => [[{ profile }, countersOf(requests, profile).failed]]),
    ),
    metric('imsvault_agent_connections', 'gauge', 'Open connections of clients.', [[{}, connections]]),
    ...processMetrics(clock),
  ].join('');
  return reply(200, 'text/plain; version=0.0.4; charset=utf-8', text);
}

function isUsable(provider: TokenProvider): number {
  return provider.peekToken() === undefined ? 0 : 1;
}

/** None for a profile that never met a token store: a thousand of them would make twelve thousand lines of zeros. */
function fleetEvents(counters: TokenCounters): [string, number][] {
  const events = Object.entries(counters).filter(([event]) => event !== 'renewed' && event !== 'renewal-failed');
  return events.some(([, count]) => count > 0) ? events : [];
}

/** Under the names that every Prometheus client gives them. */
function processMetrics(clock: Clock): string[] {
  const { user, system } = process.cpuUsage();
  const startedAt = clock.now() / 1000 - process.uptime();
  return [
    metric('process_cpu_seconds_total', 'counter', 'Processor time.', [[{}, (user + system) / 1e6]]),
    metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', [[{}, process.memoryUsage.rss()]]),
    metric('process_start_time_seconds', 'gauge', 'Start of the process.', [[{}, Math.round(startedAt)]]),
  ];
}

function metric(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => (value === undefined ? '' : `${name}${labelText(labels)} ${value}\n`));
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
