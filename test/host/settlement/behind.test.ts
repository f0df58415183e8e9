import { afterEach, describe, expect, it } from 'vitest';
import type { HostEvent } from '../../../host/errors.ts';
import { type Settler, startSettler } from '../../../host/settlement/settler.ts';
import { createFakeLog } from '../../support/fake-log.ts';
import { until } from '../support/served.ts';

let settler: Settler | undefined;
afterEach(() => settler?.stop());

describe('a settler whose nodes do not have the block yet in which its last transaction was mined', () => {
  it('asks them nothing, and goes on once they have it: chain_behind', async () => {
    const log = createFakeLog();
    const events: HostEvent[] = [];
    const asked: string[] = [];
    let newest = 6n;
    settler = startSettler({
      chain: {
        block: async () => ({ number: newest, timestamp: 1n }),
        read: async ({ functionName }: { readonly functionName: string }) => {
          asked.push(functionName);
          return { expiresAt: 2 ** 40, revokedAt: 0 };
        },
        logs: async () => [],
      },
      sender: { look: async () => undefined, pending: 0, minedBlock: 7n, stop: () => undefined },
      state: { saved: { transactions: [], reading: null }, saveReading: () => undefined, keepAnswers: () => undefined },
      workers: {
        members: [
          {
            state: { kind: 'ready' },
            worker: { log: log.log, configuration: { registry: new Uint8Array(20) } },
            models: [],
          },
        ],
      },
      journal: { logs: () => [], size: () => 0 },
      settlement: new Uint8Array(20),
      ...{ fromBlock: 0n, finalAfterBlocks: 2n, serveAfterBlocks: 0n, pollMilliseconds: 1, renewBeforeSeconds: 1n },
      serves: async () => ({ policies: [], resultVerifiers: [] }),
      onEvent: (event: HostEvent) => events.push(event),
      now: () => 0,
    } as never);
    await until(() => events.length > 2);
    expect(new Set(events.map((event) => ('code' in event ? event.code : event.event)))).toEqual(
      new Set(['chain_behind']),
    );
    expect(asked).toEqual([]);
    newest = 7n;
    await until(() => asked.length > 0);
    expect(asked).toContain('headKeyOf');
  });
});
