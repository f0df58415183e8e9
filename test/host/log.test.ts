import { describe, expect, it } from 'vitest';
import { createLog, type LogEntry, type LogLevel, logLevels } from '../../host/log.ts';

const NOW = new Date('2030-01-02T03:04:05Z');

function written(level: LogLevel, ...entries: readonly LogEntry[]): readonly Record<string, unknown>[] {
  const lines: string[] = [];
  const log = createLog({ level, write: (line) => lines.push(line), now: () => NOW });
  for (const entry of entries) log.write(entry);
  for (const line of lines) expect(line).toMatch(/^\{[^\n]*\}\n$/);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const request: LogEntry = {
  event: 'request',
  request: 7,
  method: 'POST',
  route: '/v2/models/:/infer',
  status: 200,
  outcome: 'ok',
  milliseconds: 1.23456,
};

describe('the log', () => {
  it('is one line of JSON for each event, with time, level and name first', () => {
    expect(written('info', { event: 'link_down', code: 'worker_lost' })).toEqual([
      { time: '2030-01-02T03:04:05.000Z', level: 'warn', event: 'link_down', code: 'worker_lost' },
    ]);
    const [line] = written('access', request);
    expect(Object.keys(line as object)).toEqual([
      ...['time', 'level', 'event', 'request', 'method', 'route', 'status', 'outcome', 'milliseconds'],
    ]);
    expect(line).toMatchObject({ request: 7, milliseconds: 1.235 });
  });

  it('says as much as its level', () => {
    const entries: readonly LogEntry[] = [
      { event: 'journal_failed', code: 'journal_full' },
      { event: 'link_down', code: 'worker_lost' },
      { event: 'stopped' },
      request,
    ];
    expect(logLevels.map((level) => written(level, ...entries).map(({ event }) => event))).toEqual([
      ['journal_failed'],
      ['journal_failed', 'link_down'],
      ['journal_failed', 'link_down', 'stopped'],
      ['journal_failed', 'link_down', 'stopped', 'request'],
    ]);
  });

  it('R14: what somebody brought into an event stays in its field, and is not endless', () => {
    const forged = 'x"}\r\n{"event":"forged"}\u2028\u0000';
    const [line, ...others] = written('info', { event: 'release_refused', modelId: forged, code: 'y'.repeat(10_000) });
    expect(others).toEqual([]);
    expect(line).toMatchObject({ event: 'release_refused', modelId: forged });
    expect(String(line?.['code']).length).toBeLessThan(300);
  });
});
