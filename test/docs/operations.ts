import { createEventCounters } from '../../host/metrics/events.ts';
import { writePage } from '../../host/metrics/page.ts';
import { createTraffic } from '../../host/metrics/traffic.ts';
import { environmentName, optionTable } from '../../host/options/table.ts';
import { counterNames } from '../../wire/message/telemetry.ts';
import { code, table } from './markers.ts';
import { unionLiterals } from './source.ts';

/** A page of figures as a host writes it, with one sample of each, so that none is left out. */
function metricsText(): string {
  const traffic = createTraffic({ now: () => 0 });
  const events = createEventCounters();
  events.count({ event: 'transaction', what: 'claim', hash: '', gas: '' });
  const counters = Object.fromEntries(counterNames.map((name) => [name, 0])) as Record<
    (typeof counterNames)[number],
    number
  >;
  const worker = { log: new Uint8Array(32) };
  const member = { index: 0, state: { kind: 'ready' }, worker, underWay: 0, models: [], attestedAt: 0 };
  return writePage({
    // Each family has a sample, whatever has not happened yet.
    traffic: { families: traffic.families.map((family) => ({ ...family, samples: [{ value: 0 }] })) },
    events,
    workers: { members: [member] as unknown as Parameters<typeof writePage>[0]['workers']['members'] },
    health: () => ({
      counters: new Map([[0, { at: '', values: counters }]]),
      ends: [{ at: '', worker: 0, status: 0 }],
    }),
    logSize: () => 0,
    journalDirectory: '/nonexistent',
    settlement: () => ({ unpostedLeaves: 0, unclaimedAmount: 0, pendingTransactions: 0, lastSuccessSeconds: 0 }),
    now: () => 0,
  });
}

function metricTable(): string {
  const text = metricsText();
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
  const rows = [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name = '', help = '']) => [
    code(name),
    types.get(name) ?? '',
    help,
  ]);
  return table(['metric', 'type', 'what'], rows);
}

function hostOptions(): string {
  const rows = optionTable.map(({ name, value, default: standard, help, multiple }) => [
    code(`--${name} ${value}`),
    code(environmentName(name)),
    standard,
    multiple === 'many' ? `${help}; repeatable` : help,
  ]);
  return table(['flag', 'environment', 'default', 'what'], rows);
}

export const operationBlocks: Readonly<Record<string, () => string>> = {
  metrics: metricTable,
  'host options': hostOptions,
  'host events': () => unionLiterals('host/errors.ts', 'HostEvent', 'event').map(code).join(', '),
};
