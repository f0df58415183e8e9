import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openFindings } from '../../../host/disclosed/findings.ts';
import { StartError } from '../../../host/errors.ts';
import type { HostOptions } from '../../../host/host.ts';
import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { decodeBundle } from '../../../wire/message/bundle.ts';
import { type Finding, findingVerdict } from '../../../wire/message/finding.ts';
import { encodeFindingRecord, encodeFindingsPage, type FindingRecord } from '../../../wire/message/finding-record.ts';
import { decodeReceipt, leafPreimage } from '../../../wire/message/receipt.ts';
import { findingRecord, type Signer, signer, word } from '../../support/findings.ts';
import { type Served, serve, until } from '../support/served.ts';

const [anna, berta, stranger] = [signer(), signer(), signer()];
let served: Served | undefined;
let auditor: Server | undefined;

afterEach(async () => {
  await served?.stop();
  auditor?.close();
  auditor?.closeAllConnections();
  [served, auditor] = [undefined, undefined];
});

interface Naming {
  readonly pauseAt?: number;
  readonly url?: string;
}

async function start({ pauseAt = 1, url }: Naming = {}, changes: Partial<HostOptions> = {}): Promise<Served> {
  served = await serve({
    auditors: {
      ...{ version: 1, pauseAt, hosts: 'any' },
      auditors: [
        { name: 'anna', key: anna.auditor, url: url ?? null },
        { name: 'berta', key: berta.auditor, url: null },
      ],
    },
    disclosed: { pollMs: 20 },
    metrics: { host: '127.0.0.1', port: 0 },
    ...changes,
  });
  return served;
}

/** A finding about a receipt that the worker has just signed. */
function about(
  { worker }: Served,
  by: Signer,
  finding: Partial<Finding> = {},
  bundle = worker.grow({}),
): FindingRecord {
  const { receipt } = decodeBundle(bundle);
  return findingRecord(by, {
    finding: {
      ...{ log: worker.log.log, index: decodeReceipt(receipt).index, headSize: 1_000n },
      ...{ leaf: sha256(leafPreimage(receipt)), verdict: findingVerdict.other },
      ...finding,
    },
  });
}

async function tell({ host }: Served, record: FindingRecord): Promise<string> {
  const response = await fetch(`${host.url}/v1/findings`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
    body: Uint8Array.from(encodeFindingRecord(record)),
  });
  const body = (await response.json()) as { code?: string; news?: boolean };
  return body.code ?? (body.news === true ? 'news' : 'known');
}

async function fault({ host }: Served): Promise<unknown> {
  const [worker] = (await (await fetch(`${host.url}/v1/workers`)).json()) as readonly { fault?: string }[];
  return worker?.fault;
}

function operatorOf({ events }: Served): string {
  const event = events.find((one) => one.event === 'metrics');
  return event?.event === 'metrics' ? event.url : '';
}

describe('a finding of a named auditor', () => {
  it('takes the worker out of service at once where one is enough', async () => {
    const running = await start();
    expect(await tell(running, about(running, anna))).toBe('news');
    expect(await fault(running)).toBe('auditors_disagree');
    const [found] = running.events.filter(({ event }) => event === 'finding');
    expect(found).toEqual({
      event: 'finding',
      auditor: 'anna',
      verdict: 'other',
      log: toHex(running.worker.log.log),
      index: 0,
    });
    expect(running.events).toContainEqual({ event: 'worker_suspended', worker: 0, why: 'auditors_disagree' });
  });

  it('counts once, and for one receipt', async () => {
    const running = await start({ pauseAt: 2 });
    const bundle = running.worker.grow({});
    const first = about(running, anna, {}, bundle);
    expect([await tell(running, first), await tell(running, first)]).toEqual(['news', 'known']);
    expect(await tell(running, about(running, anna))).toBe('news');
    expect(await tell(running, about(running, berta))).toBe('news');
    // Three findings about three receipts are no agreement about any.
    expect(await fault(running)).toBeUndefined();
    expect(await tell(running, about(running, berta, {}, bundle))).toBe('news');
    expect(await fault(running)).toBe('auditors_disagree');
  });

  it('counts once where it comes twice at the same time', async () => {
    const running = await start({ pauseAt: 2 });
    const record = about(running, anna);
    const told = await Promise.all(Array.from({ length: 8 }, () => tell(running, record)));
    expect(told.toSorted()).toEqual([...Array.from({ length: 7 }, () => 'known'), 'news']);
    expect(await fault(running)).toBeUndefined();
  });

  it.each(['same', 'missing', 'unreplayable'] as const)('pauses nobody where it is: %s', async (verdict) => {
    const running = await start();
    const nothing = verdict === 'missing' ? { answer: word(0), intermediates: word(0) } : {};
    expect(await tell(running, about(running, anna, { verdict: findingVerdict[verdict], ...nothing }))).toBe('news');
    expect(await fault(running)).toBeUndefined();
    const figures = await (await fetch(`${operatorOf(running)}/metrics`)).text();
    expect(figures).toContain(`proofmark_findings_total{verdict="${verdict}"} 1`);
  });

  it.each<readonly [string, (running: Served) => FindingRecord]>([
    ['auditor_required', (running) => about(running, stranger)],
    ['auditor_required', (running) => ({ ...about(running, stranger), finding: about(running, anna).finding })],
    ['finding_unknown', (running) => about(running, anna, { leaf: word(1) })],
    ['finding_unknown', (running) => about(running, anna, { index: 900n })],
    ['finding_unknown', (running) => about(running, anna, { log: word(1) })],
    ['request_invalid', (running) => ({ ...about(running, anna), finding: new Uint8Array(13 * 32) })],
  ])('does nothing where it is not one of this log: %s', async (code, record) => {
    const running = await start();
    expect(await tell(running, record(running))).toBe(code);
    expect(await fault(running)).toBeUndefined();
  });

  it('pauses no more once the operator has resumed the worker, and does so again for another receipt', async () => {
    const running = await start();
    await tell(running, about(running, anna));
    const resumed = await fetch(`${operatorOf(running)}/workers/0/resume`, { method: 'POST' });
    expect(resumed.status).toBe(200);
    expect(await fault(running)).toBeUndefined();
    expect(running.events).toContainEqual({ event: 'worker_restored', worker: 0, why: 'auditors_disagree' });
    await tell(running, about(running, anna));
    expect(await fault(running)).toBe('auditors_disagree');
  });

  it('is asked for where its auditor has an address, whatever else that answers', async () => {
    let page: (() => Uint8Array) | undefined;
    auditor = createServer((_request, response) => response.end(page === undefined ? 'nonsense' : page()));
    await new Promise<void>((resolve) => auditor?.listen(0, '127.0.0.1', resolve));
    const { port } = auditor.address() as AddressInfo;
    const running = await start({ url: `http://127.0.0.1:${port}` });
    const records = [about(running, stranger), about(running, anna)];
    page = () => encodeFindingsPage(running.worker.log.log, records);
    await until(() => running.events.some(({ event }) => event === 'worker_suspended'));
    expect(running.events.filter(({ event }) => event === 'finding')).toHaveLength(1);
  });
});

describe('what was found', () => {
  it('pauses the worker again after a restart of the host', async () => {
    const running = await start();
    const record = about(running, anna);
    await tell(running, record);
    const known = openFindings({
      path: join(running.directory, 'findings.json'),
      auditors: () => ({
        version: 1,
        pauseAt: 1,
        hosts: 'any',
        auditors: [{ name: 'a', key: anna.auditor, url: null }],
      }),
      journal: { tile: () => [], size: () => 0, caughtUp: async () => undefined },
      workers: {
        members: [{ index: 0, worker: { log: running.worker.log.log } }] as never,
        suspect: (index) => void suspected.push(index),
      },
      onEvent: () => undefined,
    });
    const suspected: number[] = [];
    known.enforce();
    expect(suspected).toEqual([0]);
    known.forgive(running.worker.log.log);
    known.enforce();
    expect(suspected).toEqual([0]);
  });

  it('pauses the worker although it cannot be written, and says so', async () => {
    const running = await start();
    mkdirSync(join(running.directory, 'findings.json.new'));
    expect(await tell(running, about(running, anna))).toBe('news');
    expect(await fault(running)).toBe('auditors_disagree');
    expect(running.events).toContainEqual({ event: 'findings_unwritten' });
  });

  it('is not thrown away because its file was damaged', async () => {
    const running = await start();
    const path = join(running.directory, 'damaged.json');
    writeFileSync(path, '{');
    const nothing = {
      auditors: () => ({}) as never,
      journal: {} as never,
      workers: {} as never,
      onEvent: () => undefined,
    };
    const open = (): unknown => openFindings({ path, ...nothing });
    expect(open).toThrow(StartError);
    expect(open).toThrow(/^findings_unreadable/);
  });
});
